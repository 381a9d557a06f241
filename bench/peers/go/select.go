// Select: see select_bench.c for what an op is.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func feed(c chan<- int, n int64) {
	for range n {
		c <- 1
	}
}

func fanIn(b *bench, count int64) {
	var c [8]chan int
	for i := range count {
		c[i] = make(chan int)
		n := b.n / count
		if i < b.n%count {
			n++
		}
		go feed(c[i], n)
	}
	sum, v := 0, 0
	for range b.n {
		if count == 2 {
			select {
			case v = <-c[0]:
			case v = <-c[1]:
			}
		} else {
			select {
			case v = <-c[0]:
			case v = <-c[1]:
			case v = <-c[2]:
			case v = <-c[3]:
			case v = <-c[4]:
			case v = <-c[5]:
			case v = <-c[6]:
			case v = <-c[7]:
			}
		}
		sum += v
	}
	b.work(int64(sum))
}

var selectBenches = []entry{
	{"SelectUncontended", func(b *bench) {
		b.parallel(func(p *pb) {
			c1, c2 := make(chan int, 1), make(chan int, 1)
			c1 <- 0
			for p.next() {
				select {
				case <-c1:
					c2 <- 0
				case <-c2:
					c1 <- 0
				}
			}
		})
	}},
	{"SelectSyncContended", func(b *bench) {
		c1, c2, c3 := make(chan int), make(chan int), make(chan int)
		done := make(chan bool)
		var senders sync.WaitGroup
		b.parallel(func(p *pb) {
			senders.Add(1)
			go func() {
				defer senders.Done()
				for {
					select {
					case c1 <- 0:
					case c2 <- 0:
					case c3 <- 0:
					case <-done:
						return
					}
				}
			}()
			for p.next() {
				select {
				case <-c1:
				case <-c2:
				case <-c3:
				}
			}
		})
		close(done)
		senders.Wait()
	}},
	{"SelectAsyncContended", func(b *bench) {
		procs := runtime.GOMAXPROCS(0)
		c1, c2 := make(chan int, procs), make(chan int, procs)
		b.parallel(func(p *pb) {
			c1 <- 0
			for p.next() {
				select {
				case <-c1:
					c2 <- 0
				case <-c2:
					c1 <- 0
				}
			}
		})
	}},
	{"SelectNonblock", func(b *bench) {
		c1, c2 := make(chan int), make(chan int)
		c3, c4 := make(chan int, 1), make(chan int, 1)
		b.parallel(func(p *pb) {
			for p.next() {
				select {
				case <-c1:
				default:
				}
				select {
				case c2 <- 0:
				default:
				}
				select {
				case <-c3:
				default:
				}
				select {
				case c4 <- 0:
				default:
				}
			}
		})
	}},
	{"SelectProdCons", func(b *bench) {
		b.round(callsPerSched)
		left := int32(b.n / callsPerSched)
		c := make(chan int, 128)
		closing := make(chan bool)
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Add(2)
			go func() {
				defer wg.Done()
				foo := zero
				never := time.After(time.Hour)
				for atomic.AddInt32(&left, -1) >= 0 {
					for range callsPerSched {
						foo = localWork(foo, 100)
						select {
						case c <- 1:
						case <-never:
						case <-closing:
						}
					}
				}
				c <- 0
				sink.Add(int64(foo))
			}()
			go func() {
				defer wg.Done()
				foo := zero
				never := time.After(time.Hour)
				sum := int64(0)
				for {
					select {
					case v := <-c:
						sum += int64(v)
						if v == 0 {
							b.work(sum)
							sink.Add(int64(foo))
							return
						}
					case <-never:
					case <-closing:
					}
					foo = localWork(foo, 100)
				}
			}()
		}
		wg.Wait()
	}},
	{"SelectFanIn2", func(b *bench) { fanIn(b, 2) }},
	{"SelectFanIn8", func(b *bench) { fanIn(b, 8) }},
	{"SelectDefault1", func(b *bench) {
		c := make(chan int)
		done := int64(0)
		for range b.n {
			select {
			case <-c:
			default:
				done++
			}
		}
		b.work(done)
	}},
	{"SelectDefault2", func(b *bench) {
		c1, c2 := make(chan int), make(chan int)
		done := int64(0)
		for range b.n {
			select {
			case <-c1:
			case <-c2:
			default:
				done++
			}
		}
		b.work(done)
	}},
}
