//! Computing time: the ticks that interrupt plugins while any of them computes, and the meter that counts one call's
//! time. Waiting is not computing: what counts is the processor's time of the thread that polls a call, while it does.

use super::system::thread_time;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};
use wasmtime::{Engine, UpdateDeadline};

/// How long a plugin computes before it lets other tasks go first.
const TICK: Duration = Duration::from_millis(1);
/// Ticks without any plugin that computes, after which the thread sleeps until it is needed.
const IDLE_TICKS: u32 = 50;

/// Advances the epochs of the engines while a call is polled; sleeps otherwise. Ends its thread when dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    sleeper: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    polling: AtomicUsize,
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there can be no further thread.
    pub(super) fn start(engines: Vec<Engine>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("plugin-ticks".into()).stack_size(64 * 1024).spawn({
            let shared = shared.clone();
            move || shared.tick(&engines)
        })?;
        let sleeper = thread.thread().clone();
        Ok(Self { shared, thread: Some(thread), sleeper })
    }

    fn enter(&self) -> Polling<'_> {
        self.shared.polling.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.sleeper.unpark();
        }
        Polling(&self.shared)
    }
}

impl Shared {
    fn tick(&self, engines: &[Engine]) {
        let mut idle = 0;
        while !self.ended.load(Ordering::SeqCst) {
            if self.polling.load(Ordering::SeqCst) > 0 {
                idle = 0;
            } else {
                idle += 1;
            }
            if idle > IDLE_TICKS {
                self.sleep_until_needed();
                idle = 0;
            } else {
                thread::sleep(TICK);
            }
            engines.iter().for_each(Engine::increment_epoch);
        }
    }

    fn sleep_until_needed(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        if self.polling.load(Ordering::SeqCst) == 0 && !self.ended.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.sleeper.unpark();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed by it, and nothing depends on it any more.
            drop(thread.join());
        }
    }
}

/// Held while a call is polled.
struct Polling<'a>(&'a Shared);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.polling.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts the computing time of one call.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    limit: Duration,
    /// Nanoseconds of the polls that ended.
    spent: AtomicU64,
    /// The thread's time when the poll that runs began, in nanoseconds.
    poll_began: AtomicU64,
    exceeded: AtomicBool,
}

impl Meter {
    /// A meter that has counted nothing.
    pub(super) fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            limit,
            spent: AtomicU64::new(0),
            poll_began: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
        })
    }

    /// The time since the call began, waiting included.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether the call was ended because its time was used up.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// What happens at a tick: the call goes on after others had their turn, or ends.
    pub(super) fn at_tick(&self) -> UpdateDeadline {
        let in_this_poll = nanoseconds(thread_time()).saturating_sub(self.poll_began.load(Ordering::Relaxed));
        let computed = Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(in_this_poll));
        if computed >= self.limit {
            self.exceeded.store(true, Ordering::Relaxed);
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
        }
    }

    /// Counts the time in which a call is polled.
    pub(super) fn measure<'a, F>(&'a self, ticker: &'a Ticker, call: F) -> impl Future<Output = F::Output> + Send + 'a
    where
        F: Future + Send + 'a,
    {
        Measured { meter: self, ticker, call: Box::pin(call) }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

struct Measured<'a, F> {
    meter: &'a Meter,
    ticker: &'a Ticker,
    call: Pin<Box<F>>,
}

impl<F: Future> Future for Measured<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let meter = self.meter;
        let began = nanoseconds(thread_time());
        meter.poll_began.store(began, Ordering::Relaxed);
        let polling = self.ticker.enter();
        let result = self.call.as_mut().poll(context);
        drop(polling);
        meter.spent.fetch_add(nanoseconds(thread_time()).saturating_sub(began), Ordering::Relaxed);
        result
    }
}
