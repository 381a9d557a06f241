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
			done := int64(0)
			for p.next() {
				_, cancel := context.WithCancel(context.Background())
				cancel()
				done++
			}
			b.work(done)
		})
	}},
	{"ContextWithTimeout", func(b *bench) {
		b.parallel(func(p *pb) {
			done := int64(0)
			for p.next() {
				_, cancel := context.WithTimeout(context.Background(), time.Hour)
				cancel()
				done++
			}
			b.work(done)
		})
	}},
	{"ContextCommonParentCancel", func(b *bench) {
		root, stop := context.WithCancel(context.Background())
		defer stop()
		b.parallel(func(p *pb) {
			done := int64(0)
			for p.next() {
				_, cancel := context.WithCancel(root)
				cancel()
				done++
			}
			b.work(done)
		})
	}},
	{"ContextCancel1000", func(b *bench) {
		const n = 1000
		cancels := make([]context.CancelFunc, n)
		children := make([]context.Context, n)
		cancelled := int64(0)
		for i := range b.n {
			root, stop := context.WithCancel(context.Background())
			for k := range cancels {
				children[k], cancels[k] = context.WithCancel(root)
			}
			stop()
			if children[i%n].Err() == context.Canceled {
				cancelled++
			}
			for k := range cancels {
				cancels[k]()
			}
		}
		b.work(cancelled)
	}},
	{"ContextCheckCanceled", func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.parallel(func(p *pb) {
			lives := int64(0)
			for p.next() {
				if ctx.Err() == nil {
					lives++
				}
			}
			b.work(lives)
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
		found := int64(0)
		for range b.n {
			if ctx.Value(theKey) != nil {
				found++
			}
		}
		b.work(found)
	}},
	{"SemaphoreUncontended", func(b *bench) {
		tokens := make(chan struct{}, 128)
		b.parallel(func(p *pb) {
			done := int64(0)
			for p.next() {
				tokens <- struct{}{}
				<-tokens
				done++
			}
			b.work(done)
		})
	}},
}
