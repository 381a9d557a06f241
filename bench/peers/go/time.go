// Sleepers and timers: see time_bench.c for what an op is.
package main

import (
	"sync"
	"sync/atomic"
	"time"
)

var timeBenches = []entry{
	{"Sleepers", func(b *bench) {
		const count = 100000
		var slept atomic.Int64 // in ms
		used, start := cpu(), time.Now()
		for range b.n {
			var wg sync.WaitGroup
			wg.Add(count)
			for k := range count {
				go func(d time.Duration) {
					time.Sleep(d)
					slept.Add(int64(d / time.Millisecond))
					wg.Done()
				}(time.Duration(1+k*7919%100) * time.Millisecond)
			}
			wg.Wait()
		}
		b.work(slept.Load())
		each := float64(b.n) * float64(time.Millisecond)
		b.report(float64(cpu()-used)/each, "cpu-ms")
		b.report(float64(time.Since(start))/each, "wall-ms")
		b.report(0, "ns/op")
	}},
	{"TimerStartStop1000", func(b *bench) {
		b.parallel(func(p *pb) {
			const n = 1000
			timers := make([]*time.Timer, n)
			stopped := int64(0)
			for p.next() {
				for i := range timers {
					timers[i] = time.AfterFunc(time.Hour, nil)
				}
				for i := range timers {
					if timers[i].Stop() {
						stopped++
					}
				}
			}
			b.work(stopped)
		})
	}},
	{"TimerReset", func(b *bench) {
		b.parallel(func(p *pb) {
			t := time.NewTimer(time.Hour)
			for p.next() {
				t.Reset(time.Hour)
			}
			t.Stop()
		})
	}},
	{"SelectTimeout", func(b *bench) {
		c := make(chan int)
		go feed(c, b.n)
		sum := 0
		for range b.n {
			select {
			case v := <-c:
				sum += v
			case <-time.After(time.Hour):
				panic("an hour has passed")
			}
		}
		b.work(int64(sum))
	}},
}
