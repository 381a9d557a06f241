//! Locks, once and timers: see sync_bench.c and time_bench.c for what an op is.

use crate::{shared, Entry, B};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell, RwLock};
use tokio::time::{sleep, Sleep};

pub static ENTRIES: &[Entry] = &[
    ("MutexUncontended", |b| Box::pin(mutex_uncontended(b))),
    ("Mutex8", |b| Box::pin(mutex_8(b))),
    ("RWMutexRead", |b| Box::pin(rwmutex_read(b))),
    ("Once", |b| Box::pin(once(b))),
    ("TimerStartStop1000", |b| Box::pin(start_stop(b))),
];

async fn mutex_uncontended(b: B) {
    shared(&b, b.procs, |b, n| async move {
        let m = Mutex::new(0i64);
        for _ in 0..n {
            *m.lock().await += 1;
        }
        b.work(*m.lock().await);
    })
    .await;
}

async fn mutex_8(b: B) {
    let m = Arc::new(Mutex::new(0i64));
    shared(&b, 8, |_, n| {
        let m = m.clone();
        async move {
            for _ in 0..n {
                *m.lock().await += 1;
            }
        }
    })
    .await;
    b.work(*m.lock().await);
}

async fn rwmutex_read(b: B) {
    let m = RwLock::new(1i64);
    let mut sum = 0;
    for _ in 0..b.n() {
        sum += *m.read().await;
    }
    b.work(sum);
}

async fn once(b: B) {
    let cell = Arc::new(OnceCell::new());
    shared(&b, b.procs, |b, n| {
        let cell = cell.clone();
        async move {
            let mut sum = 0;
            for _ in 0..n {
                sum += *cell.get_or_init(|| async { 1i64 }).await;
            }
            b.work(sum);
        }
    })
    .await;
}

/// A timer starts when it is polled first, and stops when it is dropped.
async fn start_stop(b: B) {
    shared(&b, b.procs, |b, n| async move {
        let mut stopped = 0;
        for _ in 0..n {
            let mut timers: Vec<Pin<Box<Sleep>>> = Vec::with_capacity(1000);
            for _ in 0..1000 {
                let mut t = Box::pin(sleep(Duration::from_secs(3600)));
                let pending =
                    t.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
                stopped += pending as i64;
                timers.push(t);
            }
            drop(timers);
        }
        b.work(stopped);
    })
    .await;
}
