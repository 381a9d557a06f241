// Starting, switching and joining: see sched_bench.c for what an op is.
package main

import (
	"runtime"
	"sync"
)

func successor(n int64, c chan bool) {
	if n == 0 {
		c <- true
		return
	}
	go successor(n-1, c)
}

func createGoroutines(b *bench, procs int64) {
	c := make(chan bool)
	for range procs {
		go successor(b.n/procs, c)
	}
	for range procs {
		<-c
	}
}

func skynet(out chan<- int, first, size int) {
	if size == 1 {
		out <- first
		return
	}
	parts := make(chan int)
	sum := 0
	for i := range 10 {
		go skynet(parts, first+i*(size/10), size/10)
	}
	for range 10 {
		sum += <-parts
	}
	out <- sum
}

func skynetJoin(out *int, first, size int) {
	if size == 1 {
		*out = first
		return
	}
	var parts [10]int
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Add(1)
		go func() {
			skynetJoin(&parts[i], first+i*(size/10), size/10)
			wg.Done()
		}()
	}
	wg.Wait()
	sum := 0
	for _, part := range parts {
		sum += part
	}
	*out = sum
}

const batch = 1000

func sumOf(done *[batch]int32) int {
	sum := 0
	for _, d := range done {
		sum += int(d)
	}
	return sum
}

const (
	primes    = 2000
	lastPrime = 17389
)

func generate(out chan<- int) {
	for i := 2; i <= lastPrime; i++ {
		out <- i
	}
	close(out)
}

func filter(in <-chan int, out chan<- int, prime int) {
	for v := range in {
		if v%prime != 0 {
			out <- v
		}
	}
	close(out)
}

var schedBenches = []entry{
	{"CreateGoroutines", func(b *bench) { createGoroutines(b, 1) }},
	{"CreateGoroutinesParallel", func(b *bench) { createGoroutines(b, int64(runtime.GOMAXPROCS(0))) }},
	{"CreateGoroutinesSingle", func(b *bench) {
		var wg sync.WaitGroup
		wg.Add(int(b.n))
		for range b.n {
			go wg.Done()
		}
		wg.Wait()
	}},
	{"SpawnJoin", func(b *bench) {
		sum := 0
		for range b.n {
			var wg sync.WaitGroup
			done := 0
			wg.Add(1)
			go func() {
				done = 1
				wg.Done()
			}()
			wg.Wait()
			sum += done
		}
		b.work(int64(sum))
	}},
	{"SpawnJoinBatch", func(b *bench) {
		sum := 0
		b.round(batch)
		for i := int64(0); i < b.n; i += batch {
			var done [batch]int32
			var wg sync.WaitGroup
			wg.Add(batch)
			for k := range batch {
				go func() {
					done[k] = 1
					wg.Done()
				}()
			}
			wg.Wait()
			sum += sumOf(&done)
		}
		b.work(int64(sum))
	}},
	{"SpawnJoin1000", func(b *bench) {
		sum := 0
		b.round(batch)
		for i := int64(0); i < b.n; i += batch {
			var done [batch]int32
			gate := make(chan bool)
			var wg sync.WaitGroup
			wg.Add(batch)
			for k := range batch {
				go func() {
					<-gate
					done[k] = 1
					wg.Done()
				}()
			}
			runtime.Gosched()
			close(gate)
			wg.Wait()
			sum += sumOf(&done)
		}
		b.work(int64(sum))
	}},
	{"Yield", func(b *bench) {
		count := int64(2 * runtime.GOMAXPROCS(0))
		var wg sync.WaitGroup
		b.round(count)
		for range count {
			wg.Add(1)
			go func() {
				defer wg.Done()
				i := int64(0)
				for ; i < b.n/count; i++ {
					runtime.Gosched()
				}
				b.work(i)
			}()
		}
		wg.Wait()
	}},
	{"Skynet", func(b *bench) {
		c := make(chan int)
		for range b.n {
			go skynet(c, 0, 1000000)
			b.work(int64(<-c))
		}
	}},
	{"SkynetJoin", func(b *bench) {
		for range b.n {
			sum := 0
			skynetJoin(&sum, 0, 1000000)
			b.work(int64(sum))
		}
	}},
	{"Sieve", func(b *bench) {
		for range b.n {
			c := make(chan int)
			prime := 0
			go generate(c)
			for range primes {
				next := make(chan int)
				prime = <-c
				go filter(c, next, prime)
				c = next
			}
			if _, more := <-c; more {
				panic("one more prime")
			}
			b.work(int64(prime))
		}
	}},
}
