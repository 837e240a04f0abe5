//! Where components run: the engines of wasmtime with their settings, and one call from instantiation to the end of its
//! instance, held to its limits. What is called, and what the answer means, is not known here.

use super::{
    CallError, Capability, Surroundings, bindings,
    clock::{Meter, Ticker},
    component::Functions,
    limits::{self, MemoryLimit},
    world::Question,
};
use std::{num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, Trap, WasmBacktrace,
    component::{HasSelf, Linker},
};

/// Instances of small components at one time. Those that wait for the model count, so there are many.
const POOLED_INSTANCES: u32 = 256;
/// Instances of large components at one time.
const ROOMY_INSTANCES: usize = 24;
/// Frames of a trap's backtrace that are kept.
const BACKTRACE_FRAMES: usize = 8;
/// Characters of a failure's text.
const FAILURE_CHARS: usize = 1_000;

/// One way to hold instances: an engine, what components can import there, and how many run at a time.
pub(super) struct Room {
    /// The engine.
    pub(super) engine: Engine,
    /// What components can import.
    pub(super) linker: Linker<Call>,
    places: Semaphore,
}

impl Room {
    fn new(config: &Config, places: usize) -> wasmtime::Result<Arc<Self>> {
        let engine = Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        bindings::responder::Responder::add_to_linker::<Call, HasSelf<Call>>(&mut linker, |call| call)?;
        Ok(Arc::new(Self { engine, linker, places: Semaphore::new(places) }))
    }
}

/// The engines and the limits of a call.
pub(super) struct Sandbox {
    /// For small components: instances come from a pool.
    pub(super) pooled: Arc<Room>,
    /// For large ones, such as interpreters: memory is reserved when it is needed.
    pub(super) roomy: Arc<Room>,
    ticker: Ticker,
    call_time: Duration,
    memory: u64,
}

impl Sandbox {
    /// Sets up the engines.
    ///
    /// # Errors
    /// When wasmtime does not work on this machine.
    pub(super) fn new(call_time: Duration, memory: u64) -> wasmtime::Result<Self> {
        let roomy = Room::new(&roomy_settings(), ROOMY_INSTANCES)?;
        // Where address space is limited, as by `ulimit -v`, there can be no pool.
        let pooled = Room::new(&pooled_settings(memory), POOLED_INSTANCES as usize).or_else(|error| {
            tracing::warn!(error = format!("{error:#}"), "plugins run without an instance pool");
            Ok::<_, wasmtime::Error>(roomy.clone())
        })?;
        let ticker = Ticker::start(vec![pooled.engine.clone(), roomy.engine.clone()])?;
        Ok(Self { pooled, roomy, ticker, call_time, memory })
    }

    /// Runs one call in a fresh store.
    pub(super) async fn run<Q: Question>(
        &self,
        room: &Room,
        functions: &Functions,
        question: &Q,
        caller: Caller,
    ) -> Ran<Q::Answer> {
        let meter = Meter::new(self.call_time);
        // The semaphore lives as long as the room and is never closed.
        let _place = room.places.acquire().await;
        let mut store = self.store(room, caller, Q::ANSWER_BYTES, &meter);
        let result = meter.measure(&self.ticker, question.ask(functions, &mut store)).await;
        let result = result.unwrap_or_else(|error| Err(self.failure(&error, &meter, store.data(), Q::ANSWER_BYTES)));
        drop(store);
        Ran { result, duration: meter.elapsed() }
    }

    fn store(&self, room: &Room, caller: Caller, answer_bytes: usize, meter: &Arc<Meter>) -> Store<Call> {
        let call = Call { caller, memory: MemoryLimit::new(self.memory), calls: 0, bytes: 0, log_lines: 0 };
        let mut store = Store::new(&room.engine, call);
        store.limiter(|call| &mut call.memory);
        store.set_hostcall_fuel(answer_bytes);
        store.set_max_component_handles(limits::HANDLES);
        store.epoch_deadline_callback({
            let meter = meter.clone();
            move |_| Ok(meter.at_tick())
        });
        store.set_epoch_deadline(1);
        store
    }

    fn failure(&self, error: &wasmtime::Error, meter: &Meter, call: &Call, answer_bytes: usize) -> CallError {
        if meter.exceeded() {
            return CallError::TimedOut(self.call_time);
        }
        if call.memory.exceeded() {
            return CallError::OutOfMemory(self.memory);
        }
        let cause: String = error.root_cause().to_string().chars().take(FAILURE_CHARS).collect();
        let frames = error.downcast_ref::<WasmBacktrace>();
        if frames.is_none() && error.downcast_ref::<Trap>().is_none() {
            let is_too_large = cause.contains("fuel allocated for hostcalls");
            return CallError::BadAnswer(if is_too_large {
                format!("it has more than {answer_bytes} bytes")
            } else {
                cause
            });
        }
        let place = frames.and_then(|frames| frames.frames().iter().find_map(|frame| frame.func_name()));
        CallError::Trapped(match place {
            Some(place) => format!("{cause}, in `{}`", place.chars().take(200).collect::<String>()),
            None => cause,
        })
    }
}

/// How a call ended, and how long it took, waiting included.
pub(super) struct Ran<T> {
    /// How it ended.
    pub(super) result: Result<T, CallError>,
    /// How long it took.
    pub(super) duration: Duration,
}

/// On whose behalf a component runs, and what it may touch.
#[derive(Clone)]
pub(super) struct Caller {
    /// The plugin's name.
    pub(super) plugin: String,
    /// What it wants and was granted.
    pub(super) granted: Vec<Capability>,
    /// What it touches.
    pub(super) around: Arc<dyn Surroundings>,
}

/// What belongs to one call: its capabilities and what it has used of its limits.
pub(super) struct Call {
    pub(super) caller: Caller,
    memory: MemoryLimit,
    /// Calls of capabilities so far.
    pub(super) calls: u32,
    /// Bytes that capabilities handed over so far.
    pub(super) bytes: u64,
    /// Lines of log so far.
    pub(super) log_lines: u32,
}

/// What both engines have in common, but for the stacks: those are as large as a plugin may need and 1.5 MiB or more
/// beyond, because capabilities run on the stack of the plugin that calls them.
///
/// The same input has to give the same answer when a decision is replayed, so what
/// may differ between machines is off or made the same.
fn common_settings() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.wasm_memory64(false);
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES));
    config.native_unwind_info(false);
    config.memory_init_cow(true);
    config
}

fn pooled_settings(memory: u64) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOLED_INSTANCES)
        .total_core_instances(POOLED_INSTANCES * 6)
        .total_memories(POOLED_INSTANCES)
        .total_tables(POOLED_INSTANCES * 2)
        .total_stacks(POOLED_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(4)
        .max_core_instances_per_component(10)
        .table_elements(5_000)
        .max_memory_size(usize::try_from(memory.next_multiple_of(64 * 1024)).unwrap_or(usize::MAX))
        .max_unused_warm_slots(8)
        .linear_memory_keep_resident(64 * 1024)
        .table_keep_resident(8 * 1024)
        .async_stack_keep_resident(16 * 1024);
    let mut config = common_settings();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .max_wasm_stack(512 * 1024)
        .async_stack_size(2 * 1024 * 1024)
        .async_stack_zeroing(true);
    config
}

fn roomy_settings() -> Config {
    let mut config = common_settings();
    config.max_wasm_stack(1024 * 1024).async_stack_size(3 * 1024 * 1024);
    config
}
