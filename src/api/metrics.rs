//! What is counted, in the text format of Prometheus. No name of a task and no secret is ever a label.

use super::{Api, Call, Problem, Reply, Route, page};
use crate::{
    domain::{EventBody, Status},
    store::Heard,
};
use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
    outcome: &'static str,
}

/// How a subscriber listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// By server-sent events.
    Sse,
    /// By a WebSocket.
    WebSocket,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TransportLabel {
    transport: &'static str,
}

/// One who listens to events; counted as present until it is dropped.
#[derive(Debug, Default)]
pub struct Listener {
    present: Gauge,
    lags: Counter,
}

impl Listener {
    /// It was too slow, and is given events from the log again.
    pub fn lagged(&self) {
        self.lags.inc();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.present.dec();
    }
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Histogram,
    tasks: Family<StatusLabel, Gauge>,
    queued: Gauge,
    agents: Gauge,
    last_seq: Gauge,
    events: Family<KindLabel, Counter>,
    subscribers: Family<TransportLabel, Gauge>,
    lags: Counter,
    plugin_calls: Family<PluginLabels, Counter>,
    plugin_time: Histogram,
    /// Two scrapes at once must not mix their gauges.
    scrape: Mutex<()>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("taskwright");
        let latency = Histogram::new([0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0]);
        let plugin_time = Histogram::new([0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.01, 0.1, 1.0, 10.0]);
        let metrics = Self {
            requests: Family::default(),
            latency: latency.clone(),
            tasks: Family::default(),
            queued: Gauge::default(),
            agents: Gauge::default(),
            last_seq: Gauge::default(),
            events: Family::default(),
            subscribers: Family::default(),
            lags: Counter::default(),
            plugin_calls: Family::default(),
            plugin_time: plugin_time.clone(),
            scrape: Mutex::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            latency,
        );
        registry.register("tasks", "Tasks by status", metrics.tasks.clone());
        registry.register("tasks_queued", "Tasks that wait in the queue", metrics.queued.clone());
        registry.register("agents_running", "Agent processes that run", metrics.agents.clone());
        registry.register("log_last_seq", "The last sequence number of the event log", metrics.last_seq.clone());
        registry.register("events", "Events since the server started", metrics.events.clone());
        registry.register("event_subscribers", "Clients that listen to events", metrics.subscribers.clone());
        registry.register(
            "event_lags",
            "How often a client listened so slowly that it was given events from the log again",
            metrics.lags.clone(),
        );
        registry.register("plugin_calls", "Calls of plugins since the server started", metrics.plugin_calls.clone());
        registry.register_with_unit("plugin_call_duration", "Time of a call of a plugin", Unit::Seconds, plugin_time);
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts a request.
    pub fn request(&self, method: &Method, route: &str, status: StatusCode, taken: Duration) {
        let labels = RequestLabels {
            method: if is_common(method) { method.as_str().to_owned() } else { "other".to_owned() },
            route: route.to_owned(),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&labels).inc();
        self.latency.observe(taken.as_secs_f64());
    }

    /// Counts events from now until the server ends.
    pub fn listen(&self, api: &Arc<Api>) {
        let mut subscription = api.store.subscribe();
        let api = api.clone();
        let tracker = api.tasks.clone();
        tracker.spawn(async move {
            loop {
                let heard = tokio::select! {
                    () = api.ending.cancelled() => break,
                    heard = subscription.next() => heard,
                };
                match heard {
                    Heard::Event(committed) => api.metrics.event(&committed.event.body),
                    Heard::Closed => break,
                    Heard::Partial(_) | Heard::Lagged => {}
                }
            }
        });
    }

    /// Counts one who listens from now on.
    #[must_use]
    pub fn listener(&self, transport: Transport) -> Listener {
        let transport = match transport {
            Transport::Sse => "sse",
            Transport::WebSocket => "websocket",
        };
        let present = self.subscribers.get_or_create(&TransportLabel { transport }).clone();
        present.inc();
        Listener { present, lags: self.lags.clone() }
    }

    fn event(&self, body: &EventBody) {
        self.events.get_or_create(&KindLabel { kind: body.kind() }).inc();
        if let EventBody::DecisionMade { plugin, error, duration_us, .. } = body {
            let outcome = if error.is_some() { "failed" } else { "answered" };
            self.plugin_calls.get_or_create(&PluginLabels { plugin: plugin.clone(), outcome }).inc();
            self.plugin_time.observe(Duration::from_micros(*duration_us).as_secs_f64());
        }
    }

    fn text(&self, counts: &Counts) -> Result<String, std::fmt::Error> {
        let _alone = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        for status in Status::ALL {
            let count = counts.tasks.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count);
            self.tasks.get_or_create(&StatusLabel { status: status.as_str() }).set(whole(count));
        }
        self.queued.set(whole(counts.queued));
        self.agents.set(whole(counts.agents));
        self.last_seq.set(counts.last_seq);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// What is counted when it is asked for.
struct Counts {
    tasks: Vec<(Status, u64)>,
    queued: u64,
    agents: u64,
    last_seq: i64,
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn is_common(method: &Method) -> bool {
    [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS].contains(method)
}

/// The page of metrics.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![page("/metrics", show)]
}

async fn show(call: Call) -> Result<Reply, Problem> {
    let (tasks, queued, live) = call
        .api
        .store
        .read::<_, crate::store::StoreError, _>(|q| {
            let live: Vec<_> = Status::ALL.into_iter().filter(|status| status.is_live()).collect();
            Ok((q.status_counts()?, q.queue()?.len() as u64, q.tasks_in(&live)?))
        })
        .await?;
    let agents = live.iter().filter(|task| call.api.engine.live(task.id).pid.is_some()).count() as u64;
    let counts = Counts { tasks, queued, agents, last_seq: call.api.store.last_seq().0 };
    let text = call.api.metrics.text(&counts).map_err(Problem::internal)?;
    Ok(Reply::of("text/plain; version=0.0.4; charset=utf-8", text))
}
