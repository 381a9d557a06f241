// The benchmarks of bench/*.c in Go, on the same harness, with the same output. A plain
// program rather than `go test`, so that both sides are started, scaled and measured alike.
//
//	go-bench [-l] [-t milliseconds] [-s size] [-w hog] [name...]
//
// bench.h says what these are. GOMAXPROCS=N sets the procs.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type metric struct {
	unit  string
	value float64
}

type bench struct {
	n           int64 // ops to run in this call
	lastN       int64 // those of the call before
	lastTook    time.Duration
	parallelism int // goroutines per proc in parallel: 1
	metrics     []metric
	start       time.Time
	size        int64        // -s, for the Scale benchmarks
	done        atomic.Int64 // what was done, if counted
	counted     atomic.Bool
}

// round makes n a multiple of what is done at once.
func (b *bench) round(multiple int64) {
	b.n = (b.n + multiple - 1) / multiple * multiple
}

// work: so much of what the ops are to do has been done.
func (b *bench) work(amount int64) {
	b.counted.Store(true)
	b.done.Add(amount)
}

// reset takes what was done so far out of the measurement.
func (b *bench) reset() { b.start = time.Now() }

// report gives a figure of the benchmark's own; of "ns/op" itself, 0 hides it.
func (b *bench) report(value float64, unit string) {
	b.metrics = append(b.metrics, metric{unit, value})
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type pb struct {
	taken            *atomic.Int64
	n, portion, left int64
}

func (p *pb) next() bool {
	if p.left == 0 {
		end := p.taken.Add(p.portion)
		if end >= p.n+p.portion {
			return false
		}
		p.left = p.portion
		if end > p.n {
			p.left = p.n + p.portion - end
		}
	}
	p.left--
	return true
}

// parallel runs body in parallelism x GOMAXPROCS goroutines that share the b.n ops.
func (b *bench) parallel(body func(*pb)) {
	var taken atomic.Int64
	var wg sync.WaitGroup
	portion := int64(1)
	if b.lastTook > 0 {
		portion = 100000 * b.lastN / int64(b.lastTook)
	}
	portion = min(max(portion, 1), 10000)
	for range b.parallelism * runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			body(&pb{taken: &taken, n: b.n, portion: portion})
		}()
	}
	wg.Wait()
}

// The local work starts from zero, a variable, and its result goes to sink: with a constant,
// or without a use, the compiler drops it and only the empty loop is left.
var (
	zero = 0
	sink atomic.Int64
)

func localWork(foo, times int) int {
	for range times {
		foo *= 2
		foo /= 2
	}
	return foo
}

type entry struct {
	name string
	fn   func(*bench)
}

var entries []entry

func (e entry) runN(n, lastN int64, lastTook time.Duration) (*bench, time.Duration) {
	runtime.GC() // as Go's testing does: one call's garbage is not the next one's cost
	b := &bench{n: n, lastN: lastN, lastTook: lastTook, parallelism: 1, size: size}
	b.reset()
	e.fn(b)
	return b, time.Since(b.start)
}

func (e entry) run(goal time.Duration) {
	b, took := e.runN(1, 0, 0)
	if took >= goal && took < time.Second {
		b, took = e.runN(1, 0, 0) // starting up may have hit the first call
	}
	for took < goal && b.n < 1e9 {
		n := 1.2 * float64(goal) * float64(b.n) / float64(max(took, 1))
		next := min(int64(min(n, 1e15)), 100*b.n)
		b, took = e.runN(min(max(next, b.n+1), 1e9), b.n, took)
	}
	fmt.Printf("Benchmark%s-%d\t%10d", e.name, runtime.GOMAXPROCS(0), b.n)
	nsReported := false
	for _, m := range b.metrics {
		nsReported = nsReported || m.unit == "ns/op"
	}
	if !nsReported {
		fmt.Printf("\t%12.2f ns/op", float64(took)/float64(b.n))
	}
	for _, m := range b.metrics {
		if m.value != 0 || m.unit != "ns/op" {
			fmt.Printf("\t%12.2f %s", m.value, m.unit)
		}
	}
	if b.counted.Load() {
		fmt.Printf("\t%12d work", b.done.Load())
	}
	fmt.Println()
}

var size int64

func hog() {
	for {
		zero = 0
	}
}

func main() {
	list := flag.Bool("l", false, "list the names")
	ms := flag.Int("t", 300, "milliseconds that a run takes at least")
	with := flag.String("w", "", "hog: beside a goroutine that computes")
	flag.Int64Var(&size, "s", 0, "size of the Scale benchmarks")
	flag.Parse()
	if *with == "hog" {
		go hog()
	}
	scale := size != 0
	if !scale {
		size = 1000
	}
	wanted := map[string]bool{}
	for _, name := range flag.Args() {
		wanted[name] = true
	}
	entries = append(entries, chanBenches...)
	entries = append(entries, selectBenches...)
	entries = append(entries, syncBenches...)
	entries = append(entries, schedBenches...)
	entries = append(entries, timeBenches...)
	entries = append(entries, contextBenches...)
	entries = append(entries, mapBenches...)
	entries = append(entries, memBenches...)
	entries = append(entries, scaleBenches...)
	found := 0
	for _, e := range entries {
		isScale := strings.HasPrefix(e.name, "Scale")
		if len(wanted) > 0 && !wanted[e.name] || len(wanted) == 0 && scale != isScale {
			continue
		}
		found++
		if *list {
			fmt.Println(e.name)
		} else {
			e.run(time.Duration(*ms) * time.Millisecond)
		}
	}
	if found == 0 {
		fmt.Fprintln(os.Stderr, "go-bench: no such benchmark")
		os.Exit(1)
	}
}
