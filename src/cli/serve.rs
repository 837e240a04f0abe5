//! `taskwright serve`: puts the rooms together, starts them in order, and ends them in order.

use super::{
    Failure,
    data_dir::{self, DataDir},
    print,
    settings::{self, Settings, SettingsArgs},
};
use crate::{
    agent::ClaudeCode,
    api::{self, Api, Doors, DoorsConfig},
    domain::EventBody,
    engine::{Engine, EngineConfig},
    plugin::{HostConfig, PluginHost},
    store::Store,
    workspace::Git,
};
use std::{net::SocketAddr, process::ExitCode, sync::Arc};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Events of the plugin directory that may wait for the log.
const PLUGIN_EVENTS: usize = 256;

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// At the end, stops the agents too; otherwise they work on and the next server takes them up
    #[arg(long)]
    stop_agents: bool,
}

/// Runs the server until it is told to end.
///
/// # Errors
/// When it cannot start, with one line that says why and what to do.
pub fn run(args: &ServeArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::new(&settings::read(&args.settings)?)?;
    log_to_stderr(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::error(format!("the system gives no threads: {error}")))?;
    runtime.block_on(serve(settings, args.stop_agents))
}

fn log_to_stderr(settings: &Settings) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.log)
        .map_err(|error| Failure::usage(format!("the setting `log` is wrong: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if settings.log_json {
        log.json().init();
    } else {
        log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
    }
    Ok(())
}

async fn serve(settings: Settings, stop_agents: bool) -> Result<ExitCode, Failure> {
    let mut signals = Signals::new()?;
    let data = DataDir::take(&settings.data_dir)?;
    let token = if settings.auth { Some(data.token(settings.token.as_deref())?) } else { None };
    let (listener, address) = listen(settings.listen).await?;
    let store = Store::open(&settings.database, Arc::new(data_dir::now)).map_err(|e| Failure::error(e.to_string()))?;
    let (plugins, loaded) = open_plugins(&settings).await?;
    let engine = Engine::start(
        engine_config(&settings)?,
        store.clone(),
        Arc::new(ClaudeCode),
        Arc::clone(&plugins) as _,
        Git::new(),
    )
    .await
    .map_err(|error| Failure::error(format!("the engine could not start: {error}")))?;
    let doors = Doors::new(&DoorsConfig {
        address,
        allowed_hosts: settings.allowed_hosts.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        token,
    });
    let api = Api::new(Arc::clone(&engine), store.clone(), doors, Arc::new(data_dir::now));

    let (tasks, ending) = (TaskTracker::new(), CancellationToken::new());
    let (tell, told) = mpsc::channel(PLUGIN_EVENTS);
    tasks.spawn(keep_plugin_events(Arc::clone(&engine), loaded, told));
    let watching = Arc::clone(&plugins).watch(
        move |event| {
            // A full channel means that the log stands still; the plugins page shows the state all the same.
            tell.try_send(event).ok();
        },
        ending.clone(),
    );
    tasks.spawn(watching);
    tasks.spawn(api::serve(listener, Arc::clone(&api), ending.clone()));

    data.announce(address)?;
    greet(address, &api);
    signals.next().await;
    tracing::info!(stop_agents, "stopping");
    ending.cancel();
    let orderly = async {
        engine.shutdown(stop_agents).await;
        tasks.close();
        tasks.wait().await;
        store.close().await;
    };
    tokio::select! {
        () = orderly => {}
        () = signals.next() => print::note("ended at once; what was committed is safe"),
    }
    data.withdraw();
    Ok(ExitCode::SUCCESS)
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: std::io::Error| {
        Failure::error(format!("cannot listen on {address}: {error}"))
            .hint("give another address with `--listen`, such as 127.0.0.1:0 for any free port")
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn open_plugins(settings: &Settings) -> Result<(Arc<PluginHost>, Vec<EventBody>), Failure> {
    let config = HostConfig {
        directory: settings.data_dir.join("plugins"),
        cache: settings.plugin_cache.clone(),
        call_time: settings.plugin_time,
        memory: settings.plugin_memory,
        grants: settings.plugin_grants.clone(),
    };
    PluginHost::open(config).await.map_err(|error| Failure::error(format!("the plugins could not be loaded: {error}")))
}

fn engine_config(settings: &Settings) -> Result<EngineConfig, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::error(format!("the path of this program cannot be told: {error}")))?;
    Ok(EngineConfig {
        data_dir: settings.data_dir.clone(),
        program,
        agent_command: settings.agent_command.clone(),
        agent_env: settings.agent_env.clone(),
        max_running: settings.max_running,
        roots: settings.roots.clone(),
        chains: settings.chains.clone(),
        plugin_settings: settings.plugin_settings.clone(),
        max_test_rounds: settings.max_test_rounds,
        stop_grace: settings.stop_grace,
        idle_agent: settings.idle_agent,
        cleanup: settings.cleanup,
        ports: settings.ports.clone(),
        command_time: settings.command_time,
    })
}

/// Writes what was loaded at the start and what changes later into the log.
async fn keep_plugin_events(engine: Arc<Engine>, loaded: Vec<EventBody>, mut told: mpsc::Receiver<EventBody>) {
    for event in loaded {
        if let EventBody::PluginFailed { name, error, .. } = &event {
            tracing::warn!(plugin = name, error, "a plugin could not be loaded");
            tell(&engine, event).await;
        }
    }
    while let Some(event) = told.recv().await {
        tell(&engine, event).await;
    }
}

async fn tell(engine: &Engine, event: EventBody) {
    if let Err(error) = engine.tell(event).await {
        tracing::warn!(%error, "an event of a plugin could not be kept");
    }
}

/// The line that scripts wait for, on standard output; what a person needs, on standard error.
fn greet(address: SocketAddr, api: &Api) {
    print::line(format!("listening on http://{address}"));
    if let Some(code) = api.doors.new_code() {
        print::note(format!("open http://{address}/login?code={code}"));
    }
    print::note(
        "make the first task, in a repository of yours: taskwright task create \"My task\" \"What is to be done\" --watch",
    );
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let of = |kind| signal(kind).map_err(|error| Failure::error(format!("signals cannot be received: {error}")));
        Ok(Self { terminate: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
