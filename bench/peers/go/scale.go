// What the number of things costs: see scale_bench.c for what an op is.
package main

import (
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

var (
	waiting, received atomic.Int64
	scaleChan         chan int
	scaleChans        []chan int
	scaleCases        []reflect.SelectCase
	scaleTimers       []*time.Timer
)

func hourTimer(ms int64) *time.Timer {
	return time.AfterFunc(time.Hour+time.Duration(ms)*time.Millisecond, func() {})
}

func makeChans(size int64, room int) {
	scaleChans = make([]chan int, size)
	for i := range scaleChans {
		scaleChans[i] = make(chan int, room)
	}
}

var scaleBenches = []entry{
	{"ScaleSpawn", func(b *bench) {
		sum := int64(0)
		b.round(b.size)
		for i := int64(0); i < b.n; i += b.size {
			gate := make(chan bool)
			var wg sync.WaitGroup
			done := make([]int32, b.size)
			wg.Add(int(b.size))
			for k := range b.size {
				go func() {
					<-gate
					done[k] = 1
					wg.Done()
				}()
			}
			runtime.Gosched()
			close(gate)
			wg.Wait()
			for _, d := range done {
				sum += int64(d)
			}
		}
		b.work(sum)
	}},
	{"ScaleGoroutines", func(b *bench) {
		if scaleChan == nil {
			scaleChan = make(chan int)
			for range b.size {
				go func() {
					waiting.Add(1)
					for v := range scaleChan {
						received.Add(int64(v))
					}
				}()
			}
			for waiting.Load() < b.size {
				runtime.Gosched()
			}
		}
		before := received.Load()
		b.reset()
		for range b.n {
			scaleChan <- 1
		}
		for received.Load()-before < b.n {
			runtime.Gosched()
		}
		b.work(received.Load() - before)
	}},
	{"ScaleChannels", func(b *bench) {
		if scaleChans == nil {
			makeChans(b.size, 1)
		}
		sum, k := int64(0), int64(0)
		b.reset()
		for range b.n {
			scaleChans[k] <- 1
			sum += int64(<-scaleChans[k])
			k = (k + 7919) % b.size
		}
		b.work(sum)
	}},
	{"ScaleSelect", func(b *bench) {
		if scaleCases == nil {
			makeChans(b.size, 0)
			for _, c := range scaleChans {
				scaleCases = append(scaleCases, reflect.SelectCase{
					Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c),
				})
			}
		}
		sum := int64(0)
		b.reset()
		go func() {
			k := int64(0)
			for range b.n {
				scaleChans[k] <- 1
				k = (k + 7919) % b.size
			}
		}()
		for range b.n {
			_, v, _ := reflect.Select(scaleCases)
			sum += v.Int()
		}
		b.work(sum)
	}},
	{"ScaleTimers", func(b *bench) {
		if scaleTimers == nil {
			for i := range b.size {
				scaleTimers = append(scaleTimers, hourTimer(i))
			}
		}
		stopped, k := int64(0), int64(0)
		b.reset()
		for range b.n {
			if hourTimer(k).Stop() {
				stopped++
			}
			k = (k + 7919) % b.size
		}
		b.work(stopped)
	}},
}
