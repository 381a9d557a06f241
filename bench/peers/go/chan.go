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
	b.round(callsPerSched)
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
			sum := int64(0)
			for v := <-c; v != 0; v = <-c {
				sum += int64(v)
				foo = localWork(foo, work)
			}
			b.work(sum)
			sink.Add(int64(foo))
		}()
	}
	wg.Wait()
}

func buffered(b *bench, pairs int64) {
	c := make(chan int, 128)
	var wg sync.WaitGroup
	b.round(pairs)
	for range pairs {
		wg.Add(2)
		go func() {
			for range b.n / pairs {
				c <- 1
			}
			wg.Done()
		}()
		go func() {
			sum := 0
			for range b.n / pairs {
				sum += <-c
			}
			b.work(int64(sum))
			wg.Done()
		}()
	}
	wg.Wait()
}

func toil(x uint64) uint64 {
	for range 25000 {
		x = (x ^ x>>33) * 6364136223846793005
	}
	return x | 1
}

func toilingPinger(b *bench, messages int64) {
	ping, pong := make(chan uint64), make(chan uint64)
	go func() {
		for v := range ping {
			pong <- toil(v)
		}
	}()
	v, odd := uint64(1), int64(0)
	for i := int64(0); i < messages; i += 2 {
		ping <- v
		v = <-pong
		odd += int64(v & 1)
		v = toil(v)
	}
	close(ping)
	b.work(2 * odd)
}

func pingPongWork(b *bench, pairs int64) {
	var wg sync.WaitGroup
	b.round(2 * pairs)
	for range pairs {
		wg.Add(1)
		go func() {
			toilingPinger(b, b.n/pairs)
			wg.Done()
		}()
	}
	wg.Wait()
}

var chanBenches = []entry{
	{"ChanUncontended", func(b *bench) {
		b.parallel(func(p *pb) {
			c := make(chan int, fill)
			sum := 0
			for p.next() {
				for range fill {
					c <- 1
				}
				for range fill {
					sum += <-c
				}
			}
			b.work(int64(sum))
		})
	}},
	{"ChanContended", func(b *bench) {
		c := make(chan int, fill*runtime.GOMAXPROCS(0))
		b.parallel(func(p *pb) {
			sum := 0
			for p.next() {
				for range fill {
					c <- 1
				}
				for range fill {
					sum += <-c
				}
			}
			b.work(int64(sum))
		})
	}},
	{"ChanNonblocking", nonblocking},
	{"ChanTryRecv", nonblocking},
	{"ChanCreation", func(b *bench) {
		b.parallel(func(p *pb) {
			sum := 0
			for p.next() {
				c := make(chan int, 1)
				c <- 1
				sum += <-c
			}
			b.work(int64(sum))
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
		b.round(2 * callsPerSched)
		left := int32(b.n / callsPerSched)
		c := make(chan int)
		var wg sync.WaitGroup
		for range 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				sum := 0
				for {
					i := atomic.AddInt32(&left, -1)
					if i < 0 {
						b.work(int64(sum))
						return
					}
					for range callsPerSched {
						if i%2 == 0 {
							sum += <-c
							c <- 1
						} else {
							c <- 1
							sum += <-c
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
		sum := 0
		for range b.n {
			ping <- 1
			sum += <-pong
		}
		b.work(int64(sum))
		close(ping)
	}},
	{"ChanBuffered1to1", func(b *bench) { buffered(b, 1) }},
	{"ChanBuffered4to4", func(b *bench) { buffered(b, 4) }},
	{"PingPongWork1", func(b *bench) { pingPongWork(b, 1) }},
	{"PingPongWork2", func(b *bench) { pingPongWork(b, 2) }},
	{"PingPongWork8", func(b *bench) { pingPongWork(b, 8) }},
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
				done := int64(0)
				for range b.n {
					select {
					case <-common:
					case <-d:
						done++
					}
				}
				b.work(done)
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
