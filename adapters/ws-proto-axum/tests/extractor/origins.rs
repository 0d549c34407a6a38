//! Pages of other sites.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::routing::any;
use axum::{Extension, Router};
use ws_proto_axum::ws_proto_tokio::http2;
use ws_proto_axum::ws_proto_tokio::{ConnectError, connect};
use ws_proto_axum::{
    OriginFault, OriginPolicy, Origins, WebSocketUpgrade, WebSocketUpgradeRejection,
};

use crate::common::{connector, echo, multiplexed, request, send, serve};

/// The status for a request with this `Origin`, at a path.
async fn status(address: std::net::SocketAddr, path: &str, origin: &str) -> u16 {
    let mut request = request(&[("origin", origin)]);
    *request.uri_mut() = path.parse().unwrap();
    send(address, request).await.status().as_u16()
}

#[tokio::test]
async fn by_default_only_pages_of_the_same_host_get_in_and_the_handler_does_not_see_others() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let handler = async move |upgrade: WebSocketUpgrade| {
        counter.fetch_add(1, Relaxed);
        upgrade.on_upgrade(echo)
    };
    let address = serve(Router::new().route("/", any(handler))).await;
    for (origin, expected) in [
        ("", 101), // a program, not a browser
        ("https://example.com", 101),
        ("http://example.com", 101),
        ("https://evil.example", 403),
        ("https://example.com.evil.example", 403),
        ("https://example.com:8443", 403),
        ("null", 403),
    ] {
        assert_eq!(status(address, "/", origin).await, expected, "{origin}");
    }
    assert_eq!(asked.load(Relaxed), 3);
    // The refusal has words for the operator, and nothing of the request.
    let refused = send(address, request(&[("origin", "https://evil.example")])).await;
    assert!(
        refused
            .body()
            .contains("pages of other hosts need a list of allowed origins")
    );
    assert!(!refused.body().contains("evil"));
    assert_eq!(
        refused.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    // A client of HTTP/2 as well.
    let sender = multiplexed(address).await;
    let page = connector(address, "/").origin("https://evil.example");
    let refused = http2::connect(&sender, page).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Refused(response) if response.status() == 403));
    let own = connector(address, "/").origin(&format!("http://{address}"));
    http2::connect(&sender, own).await.unwrap();
}

#[tokio::test]
async fn a_list_for_all_routes_and_others_for_one() {
    const ADMIN: OriginPolicy<'static> = OriginPolicy::const_list(&["https://admin.example"]);
    let handler = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo);
    let configured = String::from("https://app.example,capacitor://localhost");
    let app = Router::new()
        .route("/", any(handler))
        .route(
            "/admin",
            any(handler).layer(Extension(Origins::from(ADMIN))),
        )
        .route(
            "/page",
            any(handler).layer(Extension(Origins::any().require_origin(true))),
        )
        .route("/local", any(handler).layer(Extension(Origins::local())))
        .layer(Extension(Origins::list(configured.split(',')).unwrap()));
    let address = serve(app).await;
    for (path, origin, expected) in [
        ("/", "https://app.example", 101),
        ("/", "capacitor://localhost", 101),
        ("/", "https://example.com", 403), // the list takes the place of the default
        ("/", "", 101),
        ("/admin", "https://admin.example", 101),
        ("/admin", "https://app.example", 403),
        ("/page", "https://whatever.example", 101),
        ("/page", "", 403),
        ("/local", "http://example.com", 403), // the name of the request's host is not local
    ] {
        assert_eq!(
            status(address, path, origin).await,
            expected,
            "{path} {origin}"
        );
    }
    let local = connector(address, "/local").origin(&format!("http://{address}"));
    connect(local).await.unwrap();
}

#[test]
fn a_list_that_no_browser_can_match_is_an_error_at_the_start() {
    for (entry, word) in [
        ("app.example", "scheme"),
        ("https://app.example/", "slash"),
        ("https://*.example", "pattern"),
        ("wss://app.example", "ws or wss"),
    ] {
        let error = Origins::list(["https://fine.example", entry]).unwrap_err();
        assert_eq!(error.index(), 1);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_list_can_demand_an_origin_and_a_local_host() {
    let handler = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo);
    let list = || Origins::list([String::from("https://app.example")]).unwrap();
    let app = Router::new()
        .route(
            "/required",
            any(handler).layer(Extension(list().require_origin(true))),
        )
        .route(
            "/local",
            any(handler).layer(Extension(list().local_only(true))),
        )
        .route(
            "/none",
            any(handler).layer(Extension(Origins::list([""; 0]).unwrap())),
        )
        .route(
            "/relaxed",
            any(handler).layer(Extension(
                Origins::from(OriginPolicy::any().require_origin(true)).require_origin(false),
            )),
        );
    let address = serve(app).await;
    for (path, origin, expected) in [
        ("/relaxed", "", 101),
        ("/required", "", 403),
        ("/required", "https://app.example", 101),
        ("/local", "", 101),
        ("/local", "https://app.example", 403),
        ("/none", "", 101),
        ("/none", "https://app.example", 403),
    ] {
        assert_eq!(
            status(address, path, origin).await,
            expected,
            "{path} {origin}"
        );
    }
}

/// A policy that is known in the handler only.
#[tokio::test]
async fn a_handler_checks_by_a_policy_of_its_own() {
    async fn handler(
        upgrade: WebSocketUpgrade,
    ) -> Result<axum::response::Response, WebSocketUpgradeRejection> {
        let origins = OriginPolicy::list(&["https://tenant.example"]).unwrap();
        let checked = upgrade.check_origin(&origins);
        if let Err(WebSocketUpgradeRejection::Origin(error)) = &checked {
            assert_eq!(error.fault(), OriginFault::NotListed);
            assert!(
                error
                    .to_string()
                    .contains("(Origin \"https://evil.example\", Host ")
            );
        }
        checked?;
        Ok(upgrade.on_upgrade(echo))
    }
    let app = Router::new()
        .route("/", any(handler))
        .layer(Extension(Origins::any()));
    let address = serve(app).await;
    assert_eq!(status(address, "/", "https://tenant.example").await, 101);
    assert_eq!(status(address, "/", "https://evil.example").await, 403);
    // On a stream of HTTP/2 too.
    let sender = multiplexed(address).await;
    let page = connector(address, "/").origin("https://evil.example");
    assert!(http2::connect(&sender, page).await.is_err());
    let page = connector(address, "/").origin("https://tenant.example");
    http2::connect(&sender, page).await.unwrap();
}
