// Sleepers and timers: see time_bench.c for what an op is.
package main

import (
	"sync"
	"time"
)

var timeBenches = []entry{
	{"Sleepers", func(b *bench) {
		const count = 100000
		used, start := cpu(), time.Now()
		for range b.n {
			var wg sync.WaitGroup
			wg.Add(count)
			for k := range count {
				go func(d time.Duration) {
					time.Sleep(d)
					wg.Done()
				}(time.Duration(1+k*7919%100) * time.Millisecond)
			}
			wg.Wait()
		}
		each := float64(b.n) * float64(time.Millisecond)
		b.report(float64(cpu()-used)/each, "cpu-ms")
		b.report(float64(time.Since(start))/each, "wall-ms")
		b.report(0, "ns/op")
	}},
	{"TimerStartStop1000", func(b *bench) {
		b.parallel(func(p *pb) {
			const n = 1000
			timers := make([]*time.Timer, n)
			for p.next() {
				for i := range timers {
					timers[i] = time.AfterFunc(time.Hour, nil)
				}
				for i := range timers {
					timers[i].Stop()
				}
			}
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
		for range b.n {
			select {
			case <-c:
			case <-time.After(time.Hour):
				panic("an hour has passed")
			}
		}
	}},
}
