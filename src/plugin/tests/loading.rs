//! What is loaded, what is refused, and why.

use super::*;

async fn checked(guest: &Guest) -> Result<PluginView, LoadError> {
    Bench::with(&[]).await.host.check(guest.component()).await
}

#[tokio::test]
async fn a_component_describes_itself() {
    let guest = Guest { schema: Some(r#"{"type":"object"}"#), capabilities: &[2, 0], ..Guest::replying("hi") };
    let view = checked(&guest).await.unwrap();
    assert_eq!(view.id.name, "guest");
    assert_eq!(view.chain, ChainKind::Responder);
    assert_eq!(view.settings_schema, Some(json!({"type": "object"})));
    assert_eq!(view.wants, [Capability::State, Capability::Model]);
    assert_eq!(view.granted, []);
    assert_eq!(view.id.hash, blake3::hash(&guest.component()).to_hex().to_string());
}

#[tokio::test]
async fn a_description_that_is_wrong_is_refused() {
    for guest in [
        Guest::default().named("No Name", "1.0.0"),
        Guest::default().named("guest", "one"),
        Guest { schema: Some("{"), ..Guest::default() },
        Guest { schema: Some(r#"{"type":"nothing"}"#), ..Guest::default() },
    ] {
        assert!(matches!(checked(&guest).await, Err(LoadError::BadDescription(_))));
    }
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    let host = Bench::with(&[]).await.host;
    let module = wat::parse_str("(module)").unwrap();
    for (bytes, hint) in [(b"text".to_vec(), "does not begin"), (module, "component new"), (vec![], "does not begin")] {
        let error = host.check(bytes).await.unwrap_err();
        assert!(matches!(&error, LoadError::NotAComponent(why) if why.contains(hint)), "{error}");
    }
    let mut cut = Guest::default().component();
    cut.truncate(cut.len() / 2);
    assert!(host.check(cut).await.is_err());
}

#[tokio::test]
async fn an_import_that_no_plugin_gets_is_refused() {
    let wasi = r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#;
    let error = Bench::with(&[]).await.host.check(wat::parse_str(wasi).unwrap()).await.unwrap_err();
    assert!(matches!(&error, LoadError::ForbiddenImport { import, .. } if import.starts_with("wasi:cli")), "{error}");
}

#[tokio::test]
async fn a_component_without_the_interface_is_refused() {
    let empty = wat::parse_str("(component)").unwrap();
    let error = Bench::with(&[]).await.host.check(empty).await.unwrap_err();
    assert!(matches!(error, LoadError::NoInterface(_)), "{error}");
}

#[tokio::test]
async fn another_patch_of_the_interface_is_taken_and_another_minor_version_is_not() {
    let versioned = |version: &str| {
        let wat = Guest::replying("hi").wat();
        component(&wat, |wat| wat.replace("@0.1.0", &format!("@{version}")))
    };
    let host = Bench::with(&[]).await.host;
    assert_eq!(host.check(versioned("0.1.7")).await.unwrap().id.name, "guest");
    assert!(matches!(
        host.check(versioned("0.2.0")).await,
        Err(LoadError::NoInterface(_) | LoadError::ForbiddenImport { .. })
    ));
}

#[tokio::test]
async fn a_name_belongs_to_the_first_file() {
    let bench = Bench::with(&[]).await;
    std::fs::write(bench.file("a.wasm"), Guest::replying("a").component()).unwrap();
    std::fs::write(bench.file("b.wasm"), Guest::replying("b").component()).unwrap();
    let config = HostConfig {
        directory: bench.folder.path().join("plugins"),
        cache: compiled_before(),
        call_time: Duration::from_secs(2),
        memory: 1 << 24,
        grants: BTreeMap::new(),
    };
    let (host, events) = PluginHost::open(config).await.unwrap();
    assert!(
        matches!(&events[..], [.., EventBody::PluginFailed { name, error, .. }] if name == "b.wasm" && error.contains("a.wasm"))
    );
    let called = host.respond("guest", &situation(), Arc::new(Around::default())).await;
    assert_eq!(reply(&called), "a");
    assert_eq!(host.broken().len(), 1);
}

#[tokio::test]
async fn a_plugin_that_is_not_loaded_is_told_by_its_name() {
    let called = Bench::with(&[]).await.respond("nobody").await;
    assert_eq!(called.result, Err(CallError::NotLoaded { kind: "responder", name: "nobody".into() }));
}

#[tokio::test]
async fn settings_are_checked_against_the_schema() {
    let schema = r#"{"type":"object","properties":{"rounds":{"type":"integer"}},"additionalProperties":false}"#;
    let bench = Bench::with(&[Guest { schema: Some(schema), ..Guest::default() }]).await;
    let check = |settings: Value| bench.host.check_settings(ChainKind::Responder, "guest", &settings);
    assert_eq!(check(json!({"rounds": 3})), Ok(()));
    assert_eq!(check(json!({"rounds": "x", "other": 1})).unwrap_err().len(), 2);
    assert!(check(json!([])).is_err());
    assert!(bench.host.check_settings(ChainKind::Criteria, "guest", &json!({})).is_err());
}

#[tokio::test]
async fn a_plugin_can_be_installed_replaced_and_removed() {
    let bench = Bench::with(&[]).await;
    let (view, event) = bench.host.install(Guest::replying("one").component()).await.unwrap();
    assert!(view.file.unwrap().ends_with("responder-guest.wasm"));
    assert!(matches!(event, Some(EventBody::PluginLoaded { replaces: None, .. })));
    assert_eq!(reply(&bench.respond("guest").await), "one");
    let (_, event) = bench.host.install(Guest::replying("two").component()).await.unwrap();
    assert!(matches!(event, Some(EventBody::PluginLoaded { replaces: Some(_), .. })));
    assert_eq!(reply(&bench.respond("guest").await), "two");
    assert!(bench.host.remove(ChainKind::Responder, "guest").unwrap());
    assert!(!bench.host.remove(ChainKind::Responder, "guest").unwrap());
    assert!(bench.respond("guest").await.result.is_err());
    assert!(!bench.file("responder-guest.wasm").exists());
}
