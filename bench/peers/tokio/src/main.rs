//! The benchmarks in Tokio, on bench.c's harness, its multi-thread runtime with so many
//! workers. Its channels have one receiver and room for one at least: PingPong and Sieve
//! run over those; there is no ChanBuffered4to4.
//!
//!     tokio-bench [-l] [-V] [-t ms] [name...]       BENCH_PROCS=N

mod chans;
mod sync;
mod tasks;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Bench {
    n: AtomicI64,
    work: AtomicI64,
    counted: AtomicBool,
    metrics: Mutex<Vec<(f64, &'static str)>>,
    pub procs: i64,
}

impl Bench {
    pub fn n(&self) -> i64 {
        self.n.load(Relaxed)
    }
    /// Make n a multiple of what is done at once.
    pub fn round(&self, multiple: i64) {
        self.n.store((self.n() + multiple - 1) / multiple * multiple, Relaxed);
    }
    /// So much of what the ops are to do has been done.
    pub fn work(&self, amount: i64) {
        self.counted.store(true, Relaxed);
        self.work.fetch_add(amount, Relaxed);
    }
    /// A figure of the benchmark's own, instead of ns/op.
    pub fn report(&self, value: f64, unit: &'static str) {
        self.metrics.lock().unwrap().push((value, unit));
    }
}

pub type B = Arc<Bench>;
pub type Run = Pin<Box<dyn Future<Output = ()> + Send>>;
pub type Entry = (&'static str, fn(B) -> Run);

/// n / count in each of so many tasks, which are joined.
pub async fn shared<F, R>(b: &B, count: i64, body: F)
where
    F: Fn(B, i64) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    b.round(count);
    let each = b.n() / count;
    let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(body(b.clone(), each))).collect();
    for t in tasks {
        t.await.unwrap();
    }
}

pub fn cpu() -> f64 {
    // In /proc/self/stat it would be in ticks: read the clock of the process.
    #[repr(C)]
    struct Timespec(i64, i64);
    extern "C" {
        fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
    }
    let mut t = Timespec(0, 0);
    unsafe { clock_gettime(2, &mut t) };
    t.0 as f64 * 1e9 + t.1 as f64
}

async fn run(e: &Entry, goal: Duration, procs: i64) {
    let (mut n, mut calls) = (1i64, 0);
    loop {
        let b = Arc::new(Bench {
            n: AtomicI64::new(n),
            work: AtomicI64::new(0),
            counted: AtomicBool::new(false),
            metrics: Mutex::new(Vec::new()),
            procs,
        });
        let start = Instant::now();
        (e.1)(b.clone()).await;
        let took = start.elapsed();
        let n_done = b.n();
        calls += 1;
        if calls == 1 && took >= goal && took < Duration::from_secs(1) {
            continue; // starting up may have hit the first call
        }
        if took < goal && n_done < 1_000_000_000 {
            let each = took.as_nanos().max(1) as f64 / n_done as f64;
            let aim = (1.2 * goal.as_nanos() as f64 / each) as i64;
            n = aim.min(100 * n_done).max(n_done + 1).min(1_000_000_000);
            continue;
        }
        print!("Benchmark{}-{}\t{:10}", e.0, procs, n_done);
        let metrics = b.metrics.lock().unwrap();
        if metrics.is_empty() {
            print!("\t{:12.2} ns/op", took.as_nanos() as f64 / n_done as f64);
        }
        for (value, unit) in metrics.iter() {
            print!("\t{:12.2} {}", value, unit);
        }
        if b.counted.load(Relaxed) {
            print!("\t{:12} work", b.work.load(Relaxed));
        }
        println!();
        return;
    }
}

fn version() -> String {
    let lock = include_str!("../Cargo.lock");
    let rest = &lock[lock.find("name = \"tokio\"").unwrap_or(0)..];
    let tokio = rest.split("version = \"").nth(1).and_then(|s| s.split('"').next());
    format!("Tokio {}, {}", tokio.unwrap_or("?"), env!("RUSTC_VERSION"))
}

fn main() {
    let procs: i64 =
        std::env::var("BENCH_PROCS").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let (mut list, mut goal, mut names) = (false, Duration::from_millis(300), Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(a) = args.next() {
        match a.as_str() {
            "-l" => list = true,
            "-V" => return println!("{}", version()),
            "-t" => {
                let ms = args.next().and_then(|s| s.parse().ok());
                goal = Duration::from_millis(ms.expect("-t milliseconds"));
            }
            _ => names.push(a),
        }
    }
    let all: Vec<&Entry> =
        tasks::ENTRIES.iter().chain(chans::ENTRIES).chain(sync::ENTRIES).collect();
    let wanted: Vec<&Entry> = all
        .into_iter()
        .filter(|e| names.is_empty() || names.iter().any(|n| n == e.0))
        .collect();
    if list {
        wanted.iter().for_each(|e| println!("{}", e.0));
        return;
    }
    if wanted.is_empty() {
        std::process::exit(1);
    }
    let rt = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(procs as usize)
        .enable_time()
        .build()
        .unwrap();
    // In a task: block_on's own thread is not a worker.
    for e in wanted {
        let e: &'static Entry = unsafe { &*(e as *const Entry) };
        rt.block_on(async move {
            tokio::spawn(async move { run(e, goal, procs).await }).await.unwrap()
        });
    }
}
