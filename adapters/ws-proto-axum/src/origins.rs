//! The sites that may connect from a browser, as a value that a program makes when it starts.

use std::sync::Arc;

use ws_proto_tokio::OriginPolicy;
use ws_proto_tokio::ws_proto::handshake::OriginListError;

/// The sites that may connect from a browser (RFC 6455 10.2): an [`OriginPolicy`] that owns its list, so that it can come from
/// a configuration.
///
/// [`WebSocketUpgrade`](crate::WebSocketUpgrade) looks for it among the extensions of the request, where
/// [`axum::Extension`](https://docs.rs/axum/latest/axum/struct.Extension.html) puts it for all routes of a router, or for
/// one. Without it, browsers get in from pages of the same host and port: [`same_host`](Self::same_host). The extractor
/// checks it before the handler runs, so a refused request has no effect; it gets a 403.
///
/// Cloning it does not copy the list.
///
/// ```
/// use axum::routing::any;
/// use axum::{Extension, Router};
/// use ws_proto_axum::{OriginPolicy, Origins, WebSocketUpgrade};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A list of the configuration. A mistake in it is an error at the start.
/// # let configured = "https://app.example,https://www.example:8443";
/// let origins = Origins::list(configured.split(','))?;
/// assert!(Origins::list(["app.example"]).is_err());
///
/// // A constant list. A mistake in it does not compile.
/// const ADMIN: OriginPolicy<'static> = OriginPolicy::const_list(&["https://admin.example"]);
///
/// let handler = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(async |_socket| {});
/// let app: Router = Router::new()
///     .route("/chat", any(handler))
///     .route("/admin", any(handler).layer(Extension(Origins::from(ADMIN)))) // the inner one counts
///     .layer(Extension(origins));
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Origins {
    rule: Rule,
    /// What was set; else as the policy says.
    required: Option<bool>,
    local_only: Option<bool>,
}

#[derive(Clone, Debug)]
enum Rule {
    List(Arc<[Box<str>]>),
    Policy(OriginPolicy<'static>),
}

impl Origins {
    /// Allows pages of the host and port that the request was sent to: see [`OriginPolicy::same_host`]. This is the default.
    ///
    /// ```
    /// use axum::Extension;
    /// use axum::body::Body;
    /// use axum::routing::any;
    /// use http::{Request, StatusCode};
    /// use tower::ServiceExt;
    /// use ws_proto_axum::{Origins, WebSocketUpgrade};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = axum::Router::new()
    ///     .route("/", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(async |_socket| {})))
    ///     .layer(Extension(Origins::same_host())); // the same without this line
    /// let request = Request::get("/")
    ///     .header("Host", "app.example")
    ///     .header("Origin", "https://elsewhere.example")
    ///     .header("Connection", "Upgrade")
    ///     .header("Upgrade", "websocket")
    ///     .header("Sec-WebSocket-Version", "13")
    ///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    ///     .body(Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), StatusCode::FORBIDDEN);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn same_host() -> Self {
        Self::of(Rule::Policy(OriginPolicy::same_host()))
    }

    /// Allows pages of these origins, such as `https://app.example`: see [`OriginPolicy::list`].
    ///
    /// ```
    /// use ws_proto_axum::Origins;
    ///
    /// let origins = Origins::list(["https://app.example", "https://www.example:8443"])?;
    /// # let _ = origins;
    /// assert!(Origins::list(["https://app.example/chat"]).is_err()); // an origin has no path
    /// # Ok::<(), ws_proto_axum::OriginListError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OriginListError`] for the first entry that no browser can send.
    pub fn list<I>(origins: I) -> Result<Self, OriginListError>
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        let origins: Arc<[Box<str>]> = origins.into_iter().map(Into::into).collect();
        let _ = OriginPolicy::list(&borrowed(&origins))?;
        Ok(Self::of(Rule::List(origins)))
    }

    /// For a server on the user's machine or in a network without names: see [`OriginPolicy::local`].
    ///
    /// ```
    /// let router: axum::Router = axum::Router::new().layer(axum::Extension(ws_proto_axum::Origins::local()));
    /// # let _ = router;
    /// ```
    pub const fn local() -> Self {
        Self::of(Rule::Policy(OriginPolicy::local()))
    }

    /// Allows every page: for servers that do not rely on cookies or on the user's network, and for handlers that decide by
    /// [`WebSocketUpgrade::check_origin`](crate::WebSocketUpgrade::check_origin).
    ///
    /// ```
    /// use axum::body::Body;
    /// use axum::routing::any;
    /// use axum::{Extension, Router};
    /// use http::{Request, StatusCode};
    /// use tower::ServiceExt;
    /// use ws_proto_axum::{Origins, WebSocketUpgrade};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = Router::new()
    ///     .route("/", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(async |_socket| {})))
    ///     .layer(Extension(Origins::any()));
    /// let request = Request::get("/")
    ///     .header("Host", "app.example")
    ///     .header("Origin", "https://elsewhere.example")
    ///     .header("Connection", "Upgrade")
    ///     .header("Upgrade", "websocket")
    ///     .header("Sec-WebSocket-Version", "13")
    ///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    ///     .body(Body::empty())?;
    /// let status = app.oneshot(request).await?.status();
    /// assert_ne!(status, StatusCode::FORBIDDEN);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn any() -> Self {
        Self::of(Rule::Policy(OriginPolicy::any()))
    }

    const fn of(rule: Rule) -> Self {
        Self {
            rule,
            required: None,
            local_only: None,
        }
    }

    /// Sets whether requests without `Origin` are refused, which programs that are not browsers send: see
    /// [`OriginPolicy::require_origin`].
    ///
    /// ```
    /// use ws_proto_axum::Origins;
    ///
    /// let browsers_only = Origins::same_host().require_origin(true);
    /// let this_machine_only = Origins::local().local_only(true);
    /// # let _ = (browsers_only, this_machine_only);
    /// ```
    pub fn require_origin(self, require: bool) -> Self {
        Self {
            required: Some(require),
            ..self
        }
    }

    /// Sets whether pages are refused when `Host` is a name other than `localhost`: see [`OriginPolicy::local_only`].
    pub fn local_only(self, only: bool) -> Self {
        Self {
            local_only: Some(only),
            ..self
        }
    }

    /// Calls `then` with the policy.
    pub(crate) fn with_policy<T>(&self, then: impl FnOnce(&OriginPolicy<'_>) -> T) -> T {
        let list;
        let mut policy = match &self.rule {
            Rule::Policy(policy) => *policy,
            Rule::List(origins) => {
                list = borrowed(origins);
                // It was checked when it was made; a list that is not valid would allow nothing.
                OriginPolicy::list(&list).unwrap_or(OriginPolicy::const_list(&[]))
            }
        };
        if let Some(required) = self.required {
            policy = policy.require_origin(required);
        }
        if let Some(only) = self.local_only {
            policy = policy.local_only(only);
        }
        then(&policy)
    }
}

fn borrowed(origins: &[Box<str>]) -> Vec<&str> {
    origins.iter().map(|origin| &**origin).collect()
}

/// [`Origins::same_host`].
impl Default for Origins {
    fn default() -> Self {
        Self::same_host()
    }
}

/// A policy that is known when the program is compiled.
impl From<OriginPolicy<'static>> for Origins {
    fn from(policy: OriginPolicy<'static>) -> Self {
        Self::of(Rule::Policy(policy))
    }
}
