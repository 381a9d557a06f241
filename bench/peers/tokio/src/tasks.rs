//! Starting, switching, joining, sleeping: see sched_bench.c for what an op is.

use crate::{cpu, shared, Entry, Run, B};
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Notify};
use tokio::task::{yield_now, JoinHandle};

pub static ENTRIES: &[Entry] = &[
    ("SpawnJoin", |b| Box::pin(spawn_join(b))),
    ("SpawnJoinBatch", |b| Box::pin(spawn_join_batch(b))),
    ("SpawnJoin1000", |b| Box::pin(spawn_join_1000(b))),
    ("Yield", |b| Box::pin(yields(b))),
    ("Skynet", |b| Box::pin(skynet(b))),
    ("SkynetJoin", |b| Box::pin(skynet_join(b))),
    ("Sieve", |b| Box::pin(sieve(b))),
    ("Sleepers", |b| Box::pin(sleepers(b))),
    ("Parked", |b| Box::pin(parked(b))),
];

async fn spawn_join(b: B) {
    let mut sum = 0;
    for _ in 0..b.n() {
        sum += tokio::spawn(async { 1i64 }).await.unwrap();
    }
    b.work(sum);
}

const BATCH: i64 = 1000;

async fn spawn_join_batch(b: B) {
    let mut sum = 0;
    b.round(BATCH);
    for _ in 0..b.n() / BATCH {
        let tasks: Vec<JoinHandle<i64>> =
            (0..BATCH).map(|_| tokio::spawn(async { 1i64 })).collect();
        for t in tasks {
            sum += t.await.unwrap();
        }
    }
    b.work(sum);
}

async fn spawn_join_1000(b: B) {
    let mut sum = 0;
    b.round(BATCH);
    for _ in 0..b.n() / BATCH {
        let gate = Arc::new(Notify::new());
        let tasks: Vec<JoinHandle<i64>> = (0..BATCH)
            .map(|_| {
                // Made here, it hears of the opening even if it is first polled later.
                let opening = gate.clone().notified_owned();
                tokio::spawn(async move {
                    opening.await;
                    1i64
                })
            })
            .collect();
        yield_now().await;
        gate.notify_waiters();
        for t in tasks {
            sum += t.await.unwrap();
        }
    }
    b.work(sum);
}

async fn yields(b: B) {
    shared(&b, 2 * b.procs, |b, n| async move {
        let mut done = 0;
        for _ in 0..n {
            yield_now().await;
            done += 1;
        }
        b.work(done);
    })
    .await;
}

fn skynet_node(out: mpsc::Sender<i64>, first: i64, size: i64) -> Run {
    Box::pin(async move {
        if size == 1 {
            out.send(first).await.unwrap();
            return;
        }
        let (tx, mut rx) = mpsc::channel(1);
        for i in 0..10 {
            tokio::spawn(skynet_node(tx.clone(), first + i * (size / 10), size / 10));
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += rx.recv().await.unwrap();
        }
        out.send(sum).await.unwrap();
    })
}

async fn skynet(b: B) {
    let (tx, mut rx) = mpsc::channel(1);
    for _ in 0..b.n() {
        tokio::spawn(skynet_node(tx.clone(), 0, 1_000_000));
        b.work(rx.recv().await.unwrap());
    }
}

type Sum = std::pin::Pin<Box<dyn std::future::Future<Output = i64> + Send>>;

fn skynet_sum(first: i64, size: i64) -> Sum {
    Box::pin(async move {
        if size == 1 {
            return first;
        }
        let parts: Vec<_> = (0..10)
            .map(|i| tokio::spawn(skynet_sum(first + i * (size / 10), size / 10)))
            .collect();
        let mut sum = 0;
        for p in parts {
            sum += p.await.unwrap();
        }
        sum
    })
}

async fn skynet_join(b: B) {
    for _ in 0..b.n() {
        b.work(skynet_sum(0, 1_000_000).await);
    }
}

const PRIMES: i64 = 2000;
const LAST_PRIME: i64 = 17389;

async fn filter(mut from: mpsc::Receiver<i64>, to: mpsc::Sender<i64>, prime: i64) {
    while let Some(v) = from.recv().await {
        if v % prime != 0 {
            to.send(v).await.unwrap();
        }
    }
}

async fn sieve(b: B) {
    for _ in 0..b.n() {
        let (tx, mut c) = mpsc::channel(1);
        tokio::spawn(async move {
            for v in 2..=LAST_PRIME {
                tx.send(v).await.unwrap();
            }
        });
        let mut prime = 0;
        for _ in 0..PRIMES {
            prime = c.recv().await.unwrap();
            let (to, next) = mpsc::channel(1);
            tokio::spawn(filter(c, to, prime));
            c = next;
        }
        assert!(c.recv().await.is_none());
        b.work(prime);
    }
}

async fn sleepers(b: B) {
    let (used, start) = (cpu(), Instant::now());
    let mut slept = 0;
    for _ in 0..b.n() {
        let tasks: Vec<_> = (0..100_000u64)
            .map(|k| {
                let ms = 1 + k * 7919 % 100;
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    ms as i64
                })
            })
            .collect();
        for t in tasks {
            slept += t.await.unwrap();
        }
    }
    let each = b.n() as f64 * 1e6;
    b.work(slept);
    b.report((cpu() - used) / each, "cpu-ms");
    b.report(start.elapsed().as_nanos() as f64 / each, "wall-ms");
}

/// VmRSS and page tables, in bytes.
fn memory_used() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib =
        |line: &str| line.split_whitespace().nth(1).and_then(|s| s.parse::<f64>().ok());
    status
        .lines()
        .filter(|l| l.starts_with("VmRSS:") || l.starts_with("VmPTE:"))
        .filter_map(kib)
        .sum::<f64>()
        * 1024.0
}

/// What is kept over the wait, 256 bytes, is in the task, as it is on a stack elsewhere.
async fn parked(b: B) {
    const N: i64 = 1_000_000;
    let mut figures = (0.0, 0.0, 0.0);
    for round in 0..b.n() {
        let gate = Arc::new(Notify::new());
        let (waiting, left) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(N)));
        let (before, start) = (memory_used(), Instant::now());
        for _ in 0..N {
            let (gate, waiting, left) = (gate.clone(), waiting.clone(), left.clone());
            tokio::spawn(async move {
                let mut locals = [1u8; 256];
                std::hint::black_box(&mut locals);
                let opening = gate.notified();
                tokio::pin!(opening);
                opening.as_mut().enable();
                waiting.fetch_add(1, SeqCst);
                opening.await;
                std::hint::black_box(&mut locals);
                left.fetch_sub(1, SeqCst);
            });
        }
        while waiting.load(SeqCst) < N {
            yield_now().await;
        }
        let (spawned, after) = (start.elapsed(), memory_used());
        let woken = Instant::now();
        gate.notify_waiters();
        while left.load(SeqCst) > 0 {
            yield_now().await;
        }
        b.work(N - left.load(SeqCst));
        if round == 0 {
            let per = |ns: u128| ns as f64 / N as f64;
            figures = (
                (after - before) / N as f64,
                per(spawned.as_nanos()),
                per(woken.elapsed().as_nanos()),
            );
        }
    }
    b.report(figures.0, "bytes-each");
    b.report(figures.1, "ns-spawn");
    b.report(figures.2, "ns-wake+exit");
}
