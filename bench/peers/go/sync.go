// Package sync: see sync_bench.c for what an op is.
package main

import "sync"

func mutexBench(b *bench, parallelism, work int) {
	var mu sync.Mutex
	b.parallelism = parallelism
	b.parallel(func(p *pb) {
		foo := zero
		for p.next() {
			mu.Lock()
			mu.Unlock()
			foo = localWork(foo, work)
		}
		sink.Add(int64(foo))
	})
}

func rwMutexBench(b *bench, work, writeRatio int) {
	var rwm sync.RWMutex
	b.parallel(func(p *pb) {
		foo := zero
		for p.next() {
			foo++
			if foo%writeRatio == 0 {
				rwm.Lock()
				rwm.Unlock()
			} else {
				rwm.RLock()
				foo = localWork(foo, work)
				rwm.RUnlock()
			}
		}
		sink.Add(int64(foo))
	})
}

func condBench(b *bench, waiters int) {
	c := sync.NewCond(&sync.Mutex{})
	id, rounds := 0, int64(0)
	var wg sync.WaitGroup
	for range waiters + 1 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range b.n {
				c.L.Lock()
				if id == -1 {
					c.L.Unlock()
					break
				}
				id++
				if id == waiters+1 {
					id = 0
					rounds++
					c.Broadcast()
				} else {
					c.Wait()
				}
				c.L.Unlock()
			}
			c.L.Lock()
			id = -1
			c.Broadcast()
			c.L.Unlock()
		}()
	}
	wg.Wait()
	b.work(rounds)
}

var syncBenches = []entry{
	{"MutexUncontended", func(b *bench) {
		b.parallel(func(p *pb) {
			var mu struct {
				sync.Mutex
				pad [128]uint8
			}
			done := int64(0)
			for p.next() {
				mu.Lock()
				done++
				mu.Unlock()
			}
			b.work(done)
		})
	}},
	{"Mutex", func(b *bench) { mutexBench(b, 1, 0) }},
	{"MutexSlack", func(b *bench) { mutexBench(b, 10, 0) }},
	{"MutexWork", func(b *bench) { mutexBench(b, 1, 100) }},
	{"MutexWorkSlack", func(b *bench) { mutexBench(b, 10, 100) }},
	{"Mutex8", func(b *bench) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		count := int64(0)
		b.round(8)
		for range 8 {
			wg.Add(1)
			go func() {
				for range b.n / 8 {
					mu.Lock()
					count++
					mu.Unlock()
				}
				wg.Done()
			}()
		}
		wg.Wait()
		b.work(count)
	}},
	{"RWMutexRead", func(b *bench) {
		s := &struct {
			sync.RWMutex
			value int64
		}{value: 1}
		sum := int64(0)
		for range b.n {
			s.RLock()
			sum += s.value
			s.RUnlock()
		}
		b.work(sum)
	}},
	{"RWMutexUncontended", func(b *bench) {
		b.parallel(func(p *pb) {
			var rwm struct {
				sync.RWMutex
				pad [32]uint32
			}
			for p.next() {
				rwm.RLock()
				rwm.RLock()
				rwm.RUnlock()
				rwm.RUnlock()
				rwm.Lock()
				rwm.Unlock()
			}
		})
	}},
	{"RWMutexWrite100", func(b *bench) { rwMutexBench(b, 0, 100) }},
	{"RWMutexWrite10", func(b *bench) { rwMutexBench(b, 0, 10) }},
	{"RWMutexWorkWrite100", func(b *bench) { rwMutexBench(b, 100, 100) }},
	{"WaitGroupUncontended", func(b *bench) {
		b.parallel(func(p *pb) {
			var wg struct {
				sync.WaitGroup
				pad [128]uint8
			}
			done := int64(0)
			for p.next() {
				wg.Add(1)
				wg.Done()
				wg.Wait()
				done++
			}
			b.work(done)
		})
	}},
	{"WaitGroupAddDone", func(b *bench) {
		var wg sync.WaitGroup
		b.parallel(func(p *pb) {
			done := int64(0)
			for p.next() {
				wg.Add(1)
				wg.Done()
				done++
			}
			b.work(done)
		})
	}},
	{"WaitGroupActuallyWait", func(b *bench) {
		b.parallel(func(p *pb) {
			done := int64(0)
			for p.next() {
				var wg sync.WaitGroup
				wg.Add(1)
				go func() {
					done++
					wg.Done()
				}()
				wg.Wait()
			}
			b.work(done)
		})
	}},
	{"Once", func(b *bench) {
		var once sync.Once
		inits := int64(0)
		f := func() { inits++ }
		b.parallel(func(p *pb) {
			done := int64(0)
			for p.next() {
				once.Do(f)
				done++
			}
			b.work(done * inits)
		})
	}},
	{"Cond1", func(b *bench) { condBench(b, 1) }},
	{"Cond8", func(b *bench) { condBench(b, 8) }},
}
