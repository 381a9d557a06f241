// Contexts and semaphores: see context_bench.c for what an op is. The weighted semaphore is
// not in Go's standard library; a channel of tokens, its usual stand-in, is.
package main

import (
	"context"
	"time"
)

type keyType int

const (
	theKey keyType = iota
	otherKey
)

var contextBenches = []entry{
	{"ContextWithCancel", func(b *bench) {
		b.parallel(func(p *pb) {
			for p.next() {
				_, cancel := context.WithCancel(context.Background())
				cancel()
			}
		})
	}},
	{"ContextWithTimeout", func(b *bench) {
		b.parallel(func(p *pb) {
			for p.next() {
				_, cancel := context.WithTimeout(context.Background(), time.Hour)
				cancel()
			}
		})
	}},
	{"ContextCommonParentCancel", func(b *bench) {
		root, stop := context.WithCancel(context.Background())
		defer stop()
		b.parallel(func(p *pb) {
			for p.next() {
				_, cancel := context.WithCancel(root)
				cancel()
			}
		})
	}},
	{"ContextCancel1000", func(b *bench) {
		const n = 1000
		cancels := make([]context.CancelFunc, n)
		for range b.n {
			root, stop := context.WithCancel(context.Background())
			for k := range cancels {
				_, cancels[k] = context.WithCancel(root)
			}
			stop()
			for k := range cancels {
				cancels[k]()
			}
		}
	}},
	{"ContextCheckCanceled", func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.parallel(func(p *pb) {
			for p.next() {
				if ctx.Err() != nil {
					panic("it has ended")
				}
			}
		})
	}},
	{"ContextDeepValue", func(b *bench) {
		ctx := context.WithValue(context.Background(), theKey, 1)
		for i := 1; i <= 10; i++ {
			if i%2 == 1 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
			} else {
				ctx = context.WithValue(ctx, otherKey, 1)
			}
		}
		for range b.n {
			if ctx.Value(theKey) == nil {
				panic("no value")
			}
		}
	}},
	{"SemaphoreUncontended", func(b *bench) {
		tokens := make(chan struct{}, 128)
		b.parallel(func(p *pb) {
			for p.next() {
				tokens <- struct{}{}
				<-tokens
			}
		})
	}},
}
