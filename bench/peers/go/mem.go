// What a goroutine that waits costs: see mem_bench.c.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const parkedCount = 1000000

var parked, woken atomic.Int64

// memoryUsed is VmRSS and page tables, in bytes.
func memoryUsed() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	sum := int64(0)
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d", &kib); n == 1 {
			sum += kib
		} else if n, _ := fmt.Sscanf(line, "VmPTE: %d", &kib); n == 1 {
			sum += kib
		}
	}
	return 1024 * sum
}

//go:noinline
func use(p []byte) {
	for i := range p {
		p[i] = 1
	}
}

//go:noinline
func third(gate chan bool) {
	var locals [86]byte
	use(locals[:])
	parked.Add(1)
	<-gate
	woken.Add(1)
	use(locals[:])
}

//go:noinline
func second(gate chan bool) {
	var locals [85]byte
	use(locals[:])
	third(gate)
	use(locals[:])
}

//go:noinline
func first(gate chan bool, wg *sync.WaitGroup) {
	var locals [85]byte
	use(locals[:])
	second(gate)
	use(locals[:])
	wg.Done()
}

var firstRound []float64

var memBenches = []entry{
	{"Parked", func(b *bench) {
		for range b.n {
			gate := make(chan bool)
			var wg sync.WaitGroup
			before, start := memoryUsed(), time.Now()
			parked.Store(0)
			woken.Store(0)
			wg.Add(parkedCount)
			for range parkedCount {
				go first(gate, &wg)
			}
			for parked.Load() < parkedCount {
				runtime.Gosched()
			}
			allParked := time.Now()
			after := memoryUsed()
			wakeStart := time.Now()
			close(gate)
			wg.Wait()
			b.work(woken.Load())
			if firstRound == nil {
				firstRound = []float64{
					float64(after-before) / parkedCount,
					float64(allParked.Sub(start)) / parkedCount,
					float64(time.Since(wakeStart)) / parkedCount,
				}
			}
		}
		b.report(firstRound[0], "bytes-each")
		b.report(firstRound[1], "ns-spawn")
		b.report(firstRound[2], "ns-wake+exit")
		b.report(0, "ns/op")
	}},
}
