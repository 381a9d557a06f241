//! Channels and select: see chan_bench.c and select_bench.c for what an op is.

use crate::{shared, Entry, B};
use std::future::ready;
use tokio::sync::mpsc::{channel, Receiver};

pub static ENTRIES: &[Entry] = &[
    ("PingPong", |b| Box::pin(ping_pong(b))),
    ("ChanBuffered1to1", |b| Box::pin(buffered(b))),
    ("PingPongWork1", |b| Box::pin(ping_pong_work(b, 1))),
    ("PingPongWork2", |b| Box::pin(ping_pong_work(b, 2))),
    ("PingPongWork8", |b| Box::pin(ping_pong_work(b, 8))),
    ("SelectFanIn2", |b| Box::pin(fan_in_2(b))),
    ("SelectFanIn8", |b| Box::pin(fan_in_8(b))),
    ("SelectDefault1", |b| Box::pin(default_1(b))),
    ("SelectDefault2", |b| Box::pin(default_2(b))),
];

async fn ping_pong(b: B) {
    let (ping, mut from) = channel::<i64>(1);
    let (to, mut pong) = channel::<i64>(1);
    tokio::spawn(async move {
        while let Some(v) = from.recv().await {
            to.send(v).await.unwrap();
        }
    });
    let mut sum = 0;
    for _ in 0..b.n() {
        ping.send(1).await.unwrap();
        sum += pong.recv().await.unwrap();
    }
    b.work(sum);
}

async fn buffered(b: B) {
    let (tx, mut rx) = channel::<i64>(128);
    let n = b.n();
    tokio::spawn(async move {
        for _ in 0..n {
            tx.send(1).await.unwrap();
        }
    });
    let getter = async move {
        let mut sum = 0;
        while let Some(v) = rx.recv().await {
            sum += v;
        }
        sum
    };
    b.work(tokio::spawn(getter).await.unwrap());
}

fn toil(mut x: u64) -> u64 {
    for _ in 0..25000 {
        x = (x ^ x >> 33).wrapping_mul(6364136223846793005);
    }
    x | 1
}

async fn ping_pong_work(b: B, pairs: i64) {
    b.round(2 * pairs);
    shared(&b, pairs, |b, n| async move {
        let (ping, mut from) = channel::<u64>(1);
        let (to, mut pong) = channel::<u64>(1);
        tokio::spawn(async move {
            while let Some(v) = from.recv().await {
                to.send(toil(v)).await.unwrap();
            }
        });
        let (mut v, mut odd) = (1u64, 0i64);
        for _ in 0..n / 2 {
            ping.send(v).await.unwrap();
            v = pong.recv().await.unwrap();
            odd += (v & 1) as i64;
            v = toil(v);
        }
        b.work(2 * odd);
    })
    .await;
}

/// So many senders, each with a channel of its own.
fn feeds(b: &B, count: i64) -> Vec<Receiver<i64>> {
    (0..count)
        .map(|i| {
            let (tx, rx) = channel(1);
            let n = b.n() / count + (i < b.n() % count) as i64;
            tokio::spawn(async move {
                for _ in 0..n {
                    tx.send(1i64).await.unwrap();
                }
            });
            rx
        })
        .collect()
}

async fn fan_in_2(b: B) {
    let mut sum = 0;
    if let [c0, c1] = &mut feeds(&b, 2)[..] {
        for _ in 0..b.n() {
            sum += tokio::select! {
                Some(v) = c0.recv() => v,
                Some(v) = c1.recv() => v,
            };
        }
    }
    b.work(sum);
}

async fn fan_in_8(b: B) {
    let mut sum = 0;
    if let [c0, c1, c2, c3, c4, c5, c6, c7] = &mut feeds(&b, 8)[..] {
        for _ in 0..b.n() {
            sum += tokio::select! {
                Some(v) = c0.recv() => v,
                Some(v) = c1.recv() => v,
                Some(v) = c2.recv() => v,
                Some(v) = c3.recv() => v,
                Some(v) = c4.recv() => v,
                Some(v) = c5.recv() => v,
                Some(v) = c6.recv() => v,
                Some(v) = c7.recv() => v,
            };
        }
    }
    b.work(sum);
}

/// A branch that is always ready is its default.
async fn default_1(b: B) {
    let (_tx, mut c) = channel::<i64>(1);
    let mut done = 0;
    for _ in 0..b.n() {
        done += tokio::select! {
            biased;
            Some(_) = c.recv() => 0,
            _ = ready(()) => 1,
        };
    }
    b.work(done);
}

async fn default_2(b: B) {
    let ((_tx1, mut c1), (_tx2, mut c2)) = (channel::<i64>(1), channel::<i64>(1));
    let mut done = 0;
    for _ in 0..b.n() {
        done += tokio::select! {
            biased;
            Some(_) = c1.recv() => 0,
            Some(_) = c2.recv() => 0,
            _ = ready(()) => 1,
        };
    }
    b.work(done);
}
