// Channels: see chan_bench.c for what an op is.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	callsPerSched = 1000
	fill          = 100
)

func prodCons(b *bench, size, work int) {
	left := int32(b.n / callsPerSched)
	c := make(chan int, size)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(2)
		go func() {
			defer wg.Done()
			foo := zero
			for atomic.AddInt32(&left, -1) >= 0 {
				for range callsPerSched {
					foo = localWork(foo, work)
					c <- 1
				}
			}
			c <- 0
			sink.Add(int64(foo))
		}()
		go func() {
			defer wg.Done()
			foo := zero
			for <-c != 0 {
				foo = localWork(foo, work)
			}
			sink.Add(int64(foo))
		}()
	}
	wg.Wait()
}

var chanBenches = []entry{
	{"ChanUncontended", func(b *bench) {
		b.parallel(func(p *pb) {
			c := make(chan int, fill)
			for p.next() {
				for range fill {
					c <- 0
				}
				for range fill {
					<-c
				}
			}
		})
	}},
	{"ChanContended", func(b *bench) {
		c := make(chan int, fill*runtime.GOMAXPROCS(0))
		b.parallel(func(p *pb) {
			for p.next() {
				for range fill {
					c <- 0
				}
				for range fill {
					<-c
				}
			}
		})
	}},
	{"ChanNonblocking", nonblocking},
	{"ChanTryRecv", nonblocking},
	{"ChanCreation", func(b *bench) {
		b.parallel(func(p *pb) {
			for p.next() {
				c := make(chan int, 1)
				c <- 0
				<-c
			}
		})
	}},
	{"ChanSem", func(b *bench) {
		c := make(chan struct{}, runtime.GOMAXPROCS(0))
		b.parallel(func(p *pb) {
			for p.next() {
				c <- struct{}{}
				<-c
			}
		})
	}},
	{"ChanClosed", func(b *bench) {
		c := make(chan struct{})
		close(c)
		b.parallel(func(p *pb) {
			for p.next() {
				select {
				case <-c:
				default:
					panic("a closed channel is ready")
				}
			}
		})
	}},
	{"ChanSync", func(b *bench) {
		left := int32(b.n / callsPerSched / 2 * 2)
		c := make(chan int)
		var wg sync.WaitGroup
		for range 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					i := atomic.AddInt32(&left, -1)
					if i < 0 {
						return
					}
					for range callsPerSched {
						if i%2 == 0 {
							<-c
							c <- 0
						} else {
							c <- 0
							<-c
						}
					}
				}
			}()
		}
		wg.Wait()
	}},
	{"ChanProdCons0", func(b *bench) { prodCons(b, 0, 0) }},
	{"ChanProdCons10", func(b *bench) { prodCons(b, 10, 0) }},
	{"ChanProdCons100", func(b *bench) { prodCons(b, 100, 0) }},
	{"ChanProdConsWork0", func(b *bench) { prodCons(b, 0, 100) }},
	{"ChanProdConsWork100", func(b *bench) { prodCons(b, 100, 100) }},
	{"PingPong", func(b *bench) {
		ping, pong := make(chan int), make(chan int)
		go func() {
			for v := range ping {
				pong <- v
			}
		}()
		for range b.n {
			ping <- 1
			<-pong
		}
		close(ping)
	}},
	{"ChanPopular", func(b *bench) {
		const n = 1000
		common := make(chan bool)
		var own []chan bool
		var wg sync.WaitGroup
		wg.Add(n)
		for range n {
			d := make(chan bool)
			own = append(own, d)
			go func() {
				for range b.n {
					select {
					case <-common:
					case <-d:
					}
				}
				wg.Done()
			}()
		}
		for range b.n {
			for _, d := range own {
				d <- true
			}
		}
		wg.Wait()
	}},
}

func nonblocking(b *bench) {
	c := make(chan int)
	b.parallel(func(p *pb) {
		for p.next() {
			select {
			case <-c:
			default:
			}
		}
	})
}
