// Maps: see map_bench.c for what an op is.
package main

import (
	"fmt"
	"sync"
)

func key(i uint64) uint64 { return i * 0x9e3779b97f4a7c15 }

func nextRandom(s *uint64) uint64 {
	*s ^= *s << 13
	*s ^= *s >> 7
	*s ^= *s << 17
	return *s
}

func filled(n uint64) map[uint64]uint64 {
	m := map[uint64]uint64{}
	for i := range n {
		m[key(i)] = i
	}
	return m
}

func getBench(b *bench, size uint64) {
	m := filled(size)
	s, sum := uint64(88172645463325252), uint64(0)
	b.reset()
	for range b.n {
		sum += m[key(nextRandom(&s)%size)]
	}
	sink.Add(int64(sum))
}

func fillBench(b *bench, size int64) {
	b.round(size)
	for left := b.n; left > 0; left -= size {
		sink.Add(int64(len(filled(uint64(min(left, size))))))
	}
}

const shared = 1000

func sharedBench(b *bench, writes int, load func(uint64) uint64, store func(k, v uint64)) {
	b.reset()
	var ids sync.Mutex
	id := uint64(0)
	b.parallel(func(p *pb) {
		ids.Lock()
		id++
		s, right := id*88172645463325252|1, int64(0)
		ids.Unlock()
		for i := 1; p.next(); i++ {
			v := nextRandom(&s) % shared
			k := key(v)
			if i == writes {
				store(k, v)
				i = 0
				right++
			} else if load(k) == v {
				right++
			}
		}
		b.work(right)
	})
}

func syncMapBench(b *bench, writes int) {
	var m sync.Map
	for i := range uint64(shared) {
		m.Store(key(i), i)
	}
	sharedBench(b, writes, func(k uint64) uint64 {
		v, _ := m.Load(k)
		return v.(uint64)
	}, func(k, v uint64) { m.Store(k, v) })
}

func mutexMapBench(b *bench, writes int) {
	m := filled(shared)
	var mu sync.Mutex
	sharedBench(b, writes, func(k uint64) uint64 {
		mu.Lock()
		v := m[k]
		mu.Unlock()
		return v
	}, func(k, v uint64) {
		mu.Lock()
		m[k] = v
		mu.Unlock()
	})
}

func rwMutexMapBench(b *bench, writes int) {
	m := filled(shared)
	var mu sync.RWMutex
	sharedBench(b, writes, func(k uint64) uint64 {
		mu.RLock()
		v := m[k]
		mu.RUnlock()
		return v
	}, func(k, v uint64) {
		mu.Lock()
		m[k] = v
		mu.Unlock()
	})
}

var mapBenches = []entry{
	{"MapGet100", func(b *bench) { getBench(b, 100) }},
	{"MapGet10000", func(b *bench) { getBench(b, 10000) }},
	{"MapGet1000000", func(b *bench) { getBench(b, 1000000) }},
	{"MapMiss10000", func(b *bench) {
		m := filled(10000)
		n := 0
		b.reset()
		for i := range b.n {
			if _, ok := m[key(uint64(i)+10000)]; ok {
				n++
			}
		}
		sink.Add(int64(n))
	}},
	{"MapSet10000", func(b *bench) {
		m := filled(10000)
		s := uint64(88172645463325252)
		b.reset()
		for i := range b.n {
			m[key(nextRandom(&s)%10000)] = uint64(i)
		}
	}},
	{"MapFill100", func(b *bench) { fillBench(b, 100) }},
	{"MapFill10000", func(b *bench) { fillBench(b, 10000) }},
	{"MapFill1000000", func(b *bench) { fillBench(b, 1000000) }},
	{"MapDelete10000", func(b *bench) {
		m := filled(10000)
		s := uint64(88172645463325252)
		b.reset()
		for i := range b.n {
			k := key(nextRandom(&s) % 10000)
			delete(m, k)
			m[k] = uint64(i)
		}
	}},
	{"MapRange10000", func(b *bench) {
		m := filled(10000)
		sum := uint64(0)
		b.reset()
		for i := int64(0); i < b.n; i += 10000 {
			for _, v := range m {
				sum += v
			}
		}
		sink.Add(int64(sum))
	}},
	{"MapGetString10000", func(b *bench) {
		m := map[string]int{}
		var names [10000]string
		for i := range names {
			names[i] = fmt.Sprintf("key%d", i)
			m[names[i]] = i
		}
		s, sum := uint64(88172645463325252), 0
		b.reset()
		for range b.n {
			sum += m[names[nextRandom(&s)%10000]]
		}
		sink.Add(int64(sum))
	}},
	{"SyncMapRead100", func(b *bench) { syncMapBench(b, 0) }},
	{"SyncMapRead99", func(b *bench) { syncMapBench(b, 100) }},
	{"MutexMapRead99", func(b *bench) { mutexMapBench(b, 100) }},
	{"RWMutexMapRead99", func(b *bench) { rwMutexMapBench(b, 100) }},
	{"SyncMapRead50", func(b *bench) { syncMapBench(b, 2) }},
	{"MutexMapRead50", func(b *bench) { mutexMapBench(b, 2) }},
}
