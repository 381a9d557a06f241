/* The benchmarks in Boost.Fiber: shared_work over so many threads (with one thread the
 * default, round_robin), stacks of 16 KiB kept for the next fiber. It has channels, but
 * no select. Its buffered channel holds one less than it says. */
#include "../peer.h"
#include <boost/fiber/all.hpp>
#include <boost/version.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace fibers = boost::fibers;
using boost::context::stack_context;

/* Boost's own pooled_fixedsize_stack takes no lock, and fibers end on other threads than
 * they began on: here each thread has a pool, and exchanges batches with one for all. */
struct pooled_stack {
	static constexpr std::size_t size = 16 * 1024, batch = 64;
	using list = std::vector<void *>;
	static thread_local list own;
	static list common;
	static std::mutex lock;

	stack_context allocate()
	{
		if (own.empty())
			refill();
		stack_context s;
		s.size = size;
		s.sp = static_cast<char *>(own.back()) + size;
		own.pop_back();
		return s;
	}
	void deallocate(stack_context &s) noexcept
	{
		own.push_back(static_cast<char *>(s.sp) - s.size);
		if (own.size() < 4 * batch)
			return;
		std::lock_guard<std::mutex> l(lock);
		common.insert(common.end(), own.end() - 2 * batch, own.end());
		own.resize(own.size() - 2 * batch);
	}

private:
	static void refill()
	{
		std::lock_guard<std::mutex> l(lock);
		if (common.size() < batch) {
			char *p = static_cast<char *>(std::malloc(batch * size));
			if (!p)
				throw std::bad_alloc();
			for (std::size_t i = 0; i < batch; i++)
				own.push_back(p + i * size);
			return;
		}
		own.insert(own.end(), common.end() - batch, common.end());
		common.resize(common.size() - batch);
	}
};
thread_local pooled_stack::list pooled_stack::own;
pooled_stack::list pooled_stack::common;
std::mutex pooled_stack::lock;

template <class Fn> fibers::fiber start(Fn fn)
{
	return fibers::fiber(std::allocator_arg, pooled_stack(), fn);
}

/* fn(n / count) in so many fibers, which are joined. */
template <class Fn> void shared(bench *b, int count, Fn fn)
{
	std::vector<fibers::fiber> f;

	bench_round(b, count);
	for (int i = 0; i < count; i++)
		f.push_back(start([=] { fn(b->n / count); }));
	for (auto &x : f)
		x.join();
}

struct event {                          /* opens once, for all */
	fibers::mutex m;
	fibers::condition_variable c;
	bool open = false;

	void wait()
	{
		std::unique_lock<fibers::mutex> l(m);
		c.wait(l, [this] { return open; });
	}
	void set()
	{
		std::unique_lock<fibers::mutex> l(m);
		open = true;
		c.notify_all();
	}
};

/* ---- fibers ---- */
static void spawn_join(bench *b)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < b->n; i++) {
		int done = 0;
		start([&done] { done = 1; }).join();
		sum += done;
	}
	bench_work(b, sum);
}

enum { BATCH = 1000 };

static void batches(bench *b, bool block)
{
	std::vector<fibers::fiber> f(BATCH);
	int64_t sum = 0;

	bench_round(b, BATCH);
	for (int64_t i = 0; i < b->n; i += BATCH) {
		int done[BATCH] = {0};
		event gate;
		for (int k = 0; k < BATCH; k++) {
			int *d = &done[k];
			if (block)
				f[k] = start([d, &gate] { gate.wait(); *d = 1; });
			else
				f[k] = start([d] { *d = 1; });
		}
		if (block) {
			boost::this_fiber::yield();
			gate.set();
		}
		for (int k = 0; k < BATCH; k++) {
			f[k].join();
			sum += done[k];
		}
	}
	bench_work(b, sum);
}

static void spawn_join_batch(bench *b) { batches(b, false); }
static void spawn_join_1000(bench *b) { batches(b, true); }

static void yield(bench *b)
{
	shared(b, 2 * peer_procs, [b](int64_t n) {
		int64_t i;
		for (i = 0; i < n; i++)
			boost::this_fiber::yield();
		bench_work(b, i);
	});
}

using sums = fibers::buffered_channel<int64_t>;

static void skynet_chan(sums &out, int64_t first, int64_t size)
{
	if (size == 1) {
		out.push(first);
		return;
	}
	sums parts(16);
	fibers::fiber f[10];
	int64_t sum = 0;
	for (int i = 0; i < 10; i++)
		f[i] = start([&parts, i, first, size] {
			skynet_chan(parts, first + i * (size / 10), size / 10);
		});
	for (int i = 0; i < 10; i++)
		sum += parts.value_pop();
	for (auto &x : f)
		x.join();               /* the channel goes when all have left it */
	out.push(sum);
}

static void skynet(bench *b)
{
	sums c(2);

	for (int64_t i = 0; i < b->n; i++) {
		auto root = start([&c] { skynet_chan(c, 0, 1000000); });
		bench_work(b, c.value_pop());
		root.join();
	}
}

static void skynet_node(int64_t *out, int64_t first, int64_t size)
{
	if (size == 1) {
		*out = first;
		return;
	}
	fibers::fiber f[10];
	int64_t parts[10], sum = 0;
	for (int i = 0; i < 10; i++)
		f[i] = start([&parts, i, first, size] {
			skynet_node(&parts[i], first + i * (size / 10), size / 10);
		});
	for (int i = 0; i < 10; i++) {
		f[i].join();
		sum += parts[i];
	}
	*out = sum;
}

static void skynet_join(bench *b)
{
	for (int64_t i = 0; i < b->n; i++) {
		int64_t sum = 0;
		skynet_node(&sum, 0, 1000000);
		bench_work(b, sum);
	}
}

using ints = fibers::unbuffered_channel<int>;

static void sieve(bench *b)
{
	enum { PRIMES = 2000, LAST_PRIME = 17389 };

	for (int64_t i = 0; i < b->n; i++) {
		auto c = std::make_shared<ints>();
		int prime = 0, more;
		start([c] {
			for (int v = 2; v <= LAST_PRIME; v++)
				c->push(v);
			c->close();
		}).detach();
		for (int k = 0; k < PRIMES; k++) {
			auto next = std::make_shared<ints>();
			prime = c->value_pop();
			start([c, next, prime] {
				int v;
				while (c->pop(v) == fibers::channel_op_status::success)
					if (v % prime != 0)
						next->push(v);
				next->close();
			}).detach();
			c = next;
		}
		if (c->pop(more) == fibers::channel_op_status::success)
			abort();
		bench_work(b, prime);
	}
}

/* ---- channels ---- */
static void ping_pong(bench *b)
{
	ints ping, pong;
	int64_t sum = 0;
	auto other = start([&] {
		int v;
		while (ping.pop(v) == fibers::channel_op_status::success)
			pong.push(v);
	});

	for (int64_t i = 0; i < b->n; i++) {
		ping.push(1);
		sum += pong.value_pop();
	}
	ping.close();
	other.join();
	bench_work(b, sum);
}

static void buffered(bench *b, int pairs)
{
	fibers::buffered_channel<int> c(128);

	shared(b, pairs, [b, &c](int64_t n) {
		auto putter = start([&c, n] {
			for (int64_t i = 0; i < n; i++)
				c.push(1);
		});
		int64_t sum = 0;
		for (int64_t i = 0; i < n; i++)
			sum += c.value_pop();
		putter.join();
		bench_work(b, sum);
	});
}

static void buffered_1(bench *b) { buffered(b, 1); }
static void buffered_4(bench *b) { buffered(b, 4); }

static void toiling_pinger(bench *b, int64_t messages)
{
	fibers::unbuffered_channel<uint64_t> ping, pong;
	uint64_t v = 1;
	int64_t odd = 0;
	auto other = start([&] {
		uint64_t w;
		while (ping.pop(w) == fibers::channel_op_status::success)
			pong.push(toil(w));
	});

	for (int64_t i = 0; i < messages; i += 2) {
		ping.push(v);
		v = pong.value_pop();
		odd += static_cast<int64_t>(v & 1);
		v = toil(v);
	}
	ping.close();
	other.join();
	bench_work(b, 2 * odd);
}

static void ping_pong_work(bench *b, int pairs)
{
	bench_round(b, 2 * pairs);
	shared(b, pairs, [b](int64_t n) { toiling_pinger(b, n); });
}

static void ping_pong_work_1(bench *b) { ping_pong_work(b, 1); }
static void ping_pong_work_2(bench *b) { ping_pong_work(b, 2); }
static void ping_pong_work_8(bench *b) { ping_pong_work(b, 8); }

/* ---- locks ---- */
static void mutex_uncontended(bench *b)
{
	fibers::mutex m;
	int64_t done = 0;

	for (int64_t i = 0; i < b->n; i++) {
		m.lock();
		done++;
		m.unlock();
	}
	bench_work(b, done);
}

static void mutex_8(bench *b)
{
	fibers::mutex m;
	int64_t count = 0;

	shared(b, 8, [&](int64_t n) {
		for (int64_t i = 0; i < n; i++) {
			m.lock();
			count++;
			m.unlock();
		}
	});
	bench_work(b, count);
}

static void cond_1(bench *b)
{
	fibers::mutex m;
	fibers::condition_variable c;
	int id = 0;
	int64_t rounds = 0, n = b->n;

	shared(b, 2, [&](int64_t) {
		bool ended = false;
		for (int64_t i = 0; i < n && !ended; i++) {
			std::unique_lock<fibers::mutex> l(m);
			if (id == -1) {
				ended = true;
			} else if (++id == 2) {
				id = 0;
				rounds++;
				c.notify_all();
			} else {
				int64_t round = rounds;
				while (rounds == round && id != -1)
					c.wait(l);
			}
		}
		std::unique_lock<fibers::mutex> l(m);
		id = -1;
		c.notify_all();
	});
	b->n = n;
	bench_work(b, rounds);
}

/* ---- sleepers, and many that wait ---- */
enum { SLEEPERS = 100000, PARKED = 1000000 };

static void sleepers(bench *b)
{
	int64_t cpu = cpu_ns(), begin = now_ns();
	std::atomic<int64_t> slept{0}, left;
	event all;

	for (int64_t i = 0; i < b->n; i++) {
		left = SLEEPERS;
		all.open = false;
		for (int64_t k = 0; k < SLEEPERS; k++) {
			std::chrono::milliseconds d(1 + k * 7919 % 100);
			start([&, d] {
				boost::this_fiber::sleep_for(d);
				slept += d.count();
				if (--left == 0)
					all.set();
			}).detach();
		}
		all.wait();
	}
	double each = (double)b->n * 1e6;
	bench_work(b, slept);
	bench_report(b, (double)(cpu_ns() - cpu) / each, "cpu-ms");
	bench_report(b, (double)(now_ns() - begin) / each, "wall-ms");
}

static void parked(bench *b)
{
	static double bytes, spawn, wake;

	for (int64_t i = 0; i < b->n; i++) {
		event gate, all;
		std::atomic<int64_t> waiting{0}, left{PARKED};
		int64_t before = memory_used(), begin = now_ns();

		for (int k = 0; k < PARKED; k++)
			start([&] {
				char locals[256];
				memset(locals, 1, sizeof locals);
				waiting++;
				gate.wait();
				__asm__ volatile("" : : "r"(locals) : "memory");
				if (--left == 0)
					all.set();
			}).detach();
		while (waiting < PARKED)
			boost::this_fiber::yield();
		int64_t all_parked = now_ns(), after = memory_used(), woken = now_ns();
		gate.set();
		all.wait();
		bench_work(b, PARKED - left);
		if (bytes == 0) {
			bytes = (double)(after - before) / PARKED;
			spawn = (double)(all_parked - begin) / PARKED;
			wake = (double)(now_ns() - woken) / PARKED;
		}
	}
	bench_report(b, bytes, "bytes-each");
	bench_report(b, spawn, "ns-spawn");
	bench_report(b, wake, "ns-wake+exit");
}

static const bench_entry entries[] = {
	{ "SpawnJoin", spawn_join, 0 },
	{ "SpawnJoinBatch", spawn_join_batch, 0 },
	{ "SpawnJoin1000", spawn_join_1000, 0 },
	{ "Yield", yield, 0 },
	{ "Skynet", skynet, 0 },
	{ "SkynetJoin", skynet_join, 0 },
	{ "Sieve", sieve, 0 },
	{ "PingPong", ping_pong, 0 },
	{ "ChanBuffered1to1", buffered_1, 0 },
	{ "ChanBuffered4to4", buffered_4, 0 },
	{ "PingPongWork1", ping_pong_work_1, 0 },
	{ "PingPongWork2", ping_pong_work_2, 0 },
	{ "PingPongWork8", ping_pong_work_8, 0 },
	{ "MutexUncontended", mutex_uncontended, 0 },
	{ "Mutex8", mutex_8, 0 },
	{ "Cond1", cond_1, 0 },
	{ "Sleepers", sleepers, 0 },
	{ "Parked", parked, 0 },
	{ nullptr, nullptr, 0 }
};

/* The main fiber does not change threads: the benchmark runs in one that does. The other
 * threads work until it is done. */
static void run_all(int argc, char **argv, int *status)
{
	start([=] {
		*status = peer_main(argc, argv, entries,
				    "Boost.Fiber " BOOST_LIB_VERSION ", g++ " __VERSION__,
				    nullptr);
	}).join();
}

int main(int argc, char **argv)
{
	int status = 0, procs = getenv("BENCH_PROCS") ? atoi(getenv("BENCH_PROCS")) : 1;
	std::vector<std::thread> threads;
	event ended;

	if (procs > 1)
		fibers::use_scheduling_algorithm<fibers::algo::shared_work>();
	for (int i = 1; i < procs; i++)
		threads.emplace_back([&ended] {
			fibers::use_scheduling_algorithm<fibers::algo::shared_work>();
			ended.wait();
		});
	run_all(argc, argv, &status);
	ended.set();
	for (auto &t : threads)
		t.join();
	return status;
}
