//! The extractor.

use std::fmt;

use axum_core::Error;
use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::Response;
use http::request::Parts;
use http::{Request, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
#[cfg(feature = "deflate")]
use ws_proto_tokio::Deflate;
use ws_proto_tokio::ws_proto::handshake::http::with_upgrade;
use ws_proto_tokio::ws_proto::handshake::{OriginRefused, Upgrade};
use ws_proto_tokio::{Acceptor, HandshakeError, Options, OriginPolicy, open_server};

use crate::{Origins, WebSocket, WebSocketUpgradeRejection};

/// Extractor for a request that asks for a WebSocket connection. [`on_upgrade`](Self::on_upgrade) makes the response that
/// accepts it.
///
/// Over HTTP/1.1 such a request is a GET, over HTTP/2 a CONNECT: route both with
/// [`axum::routing::any`](https://docs.rs/axum/latest/axum/routing/fn.any.html).
///
/// A request that is not valid (RFC 6455 4.2, RFC 8441 5), and one from a page of a site that [`Origins`] does not allow, is
/// refused before the handler runs: see [`WebSocketUpgradeRejection`].
///
/// ```
/// use axum::Router;
/// use axum::response::Response;
/// use axum::routing::any;
/// use ws_proto_axum::{WebSocket, WebSocketUpgrade};
///
/// async fn handler(upgrade: WebSocketUpgrade) -> Response {
///     upgrade
///         .protocols(["chat.v2", "chat.v1"])
///         .max_message(64 * 1024)
///         .on_upgrade(echo)
/// }
///
/// async fn echo(mut socket: WebSocket) {
///     while let Some(Ok(message)) = socket.next().await {
///         if socket.send(message).await.is_err() {
///             return;
///         }
///     }
/// }
/// # let _: Router = Router::new().route("/", any(handler));
/// ```
///
/// As `Option<WebSocketUpgrade>` it is `None` for a request that does not ask for a WebSocket connection, over HTTP/1.0 too:
/// for a handler that has a page at the same path.
///
/// ```
/// use axum::Router;
/// use axum::body::Body;
/// use axum::response::{Html, IntoResponse, Response};
/// use axum::routing::any;
/// use http::{Request, StatusCode};
/// use tower::ServiceExt;
/// use ws_proto_axum::WebSocketUpgrade;
///
/// async fn page_or_connection(upgrade: Option<WebSocketUpgrade>) -> Response {
///     match upgrade {
///         Some(upgrade) => upgrade.on_upgrade(async |_socket| {}),
///         None => Html("<h1>Chat</h1>").into_response(),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = Router::new().route("/", any(page_or_connection));
/// let response = app.oneshot(Request::get("/").body(Body::empty())?).await?;
/// assert_eq!(response.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
#[must_use = "without `on_upgrade` nothing answers the request"]
pub struct WebSocketUpgrade<F = DefaultOnFailedUpgrade> {
    /// The head, which has been checked.
    request: Request<()>,
    offered: Vec<Box<str>>,
    selected: Option<Box<str>>,
    options: Options,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
    on_upgrade: OnUpgrade,
    on_failed_upgrade: F,
}

impl<F> WebSocketUpgrade<F> {
    /// Sets the subprotocols that the handler speaks, the favourite first. The first that the client offers is selected; a
    /// client that offers none of them is accepted without one. A later call takes the place of an earlier one.
    ///
    /// ```
    /// # use axum::response::{IntoResponse, Response};
    /// use http::StatusCode;
    /// use ws_proto_axum::WebSocketUpgrade;
    ///
    /// async fn handler(upgrade: WebSocketUpgrade) -> Response {
    ///     let upgrade = upgrade.protocols(["chat.v2", "chat.v1"]);
    ///     if upgrade.selected_protocol().is_none() {
    ///         return (StatusCode::BAD_REQUEST, "this speaks chat.v2 and chat.v1").into_response();
    ///     }
    ///     upgrade.on_upgrade(async |socket| println!("{:?}", socket.subprotocol()))
    /// }
    /// # let _: axum::Router = axum::Router::new().route("/", axum::routing::any(handler));
    /// ```
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let offered =
            |spoken: &I::Item| self.requested_protocols().any(|one| one == spoken.as_ref());
        let selected = protocols.into_iter().find(offered);
        self.selected = selected.map(|selected| selected.as_ref().into());
        self
    }

    /// The subprotocols that the client offers, its favourite first.
    ///
    /// ```
    /// # use axum::response::Response;
    /// use ws_proto_axum::WebSocketUpgrade;
    ///
    /// async fn handler(upgrade: WebSocketUpgrade) -> Response {
    ///     // Any name of ours that starts with `chat.`.
    ///     let chosen = upgrade.requested_protocols().find(|name| name.starts_with("chat."));
    ///     let chosen = chosen.map(str::to_owned);
    ///     upgrade.protocols(chosen).on_upgrade(async |_socket| {})
    /// }
    /// # let _: axum::Router = axum::Router::new().route("/", axum::routing::any(handler));
    /// ```
    pub fn requested_protocols(&self) -> impl Iterator<Item = &str> {
        self.offered.iter().map(|offered| &**offered)
    }

    /// The subprotocol that [`protocols`](Self::protocols) has selected, in the example there. The connection has it as
    /// [`subprotocol`](ws_proto_tokio::WebSocket::subprotocol).
    #[must_use]
    pub fn selected_protocol(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// Sets how many bytes a message may have, by default 16 MiB. A longer message fails the connection with 1009.
    ///
    /// ```
    /// # use axum::response::Response;
    /// # use ws_proto_axum::WebSocketUpgrade;
    /// async fn handler(upgrade: WebSocketUpgrade) -> Response {
    ///     upgrade.max_message(64 * 1024).max_frame(16 * 1024).on_upgrade(async |_socket| {})
    /// }
    /// # let _: axum::Router = axum::Router::new().route("/", axum::routing::any(handler));
    /// ```
    #[doc(alias = "max_message_size")]
    pub fn max_message(mut self, bytes: u64) -> Self {
        let config = self.options.get_config().max_message(bytes);
        self.options = self.options.config(config);
        self
    }

    /// Sets how many bytes a frame may have, by default 16 MiB. A longer frame fails the connection with 1009.
    #[doc(alias = "max_frame_size")]
    pub fn max_frame(mut self, bytes: u64) -> Self {
        let config = self.options.get_config().max_frame(bytes);
        self.options = self.options.config(config);
        self
    }

    /// Sets all limits, timers and modes of the connection, and replaces those that were set before: keepalive, how
    /// much may wait to be written, how long a client may read nothing, and more.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_axum::{Config, Options, WebSocketUpgrade};
    ///
    /// # fn example(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    /// let config = Config::new().keepalive(Some(Duration::from_secs(30)));
    /// upgrade.options(Options::new().config(config).high_water(16 * 1024))
    /// # }
    /// ```
    #[doc(alias = "max_write_buffer_size")]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Agrees to permessage-deflate (RFC 7692) if the client offers it; without this, messages are not compressed. Make the
    /// [`Deflate`] once, when the program starts.
    ///
    /// A secret should not be compressed together with text that others can choose: see
    /// [`send_uncompressed`](ws_proto_tokio::WebSocket::send_uncompressed).
    ///
    /// ```
    /// use axum::extract::State;
    /// use axum::response::Response;
    /// use ws_proto_axum::{Deflate, WebSocketUpgrade};
    ///
    /// async fn handler(State(deflate): State<Deflate>, upgrade: WebSocketUpgrade) -> Response {
    ///     upgrade.deflate(&deflate).on_upgrade(async |_socket| {})
    /// }
    /// # let _: axum::Router = axum::Router::new().route("/", axum::routing::any(handler)).with_state(Deflate::new());
    /// ```
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub fn deflate(mut self, deflate: &Deflate) -> Self {
        self.deflate = Some(deflate.clone());
        self
    }

    /// Checks the `Origin` of the request with a policy that only the handler knows, such as one for each tenant.
    /// [`Origins`] has been checked already: a request has to pass both.
    ///
    /// ```
    /// use axum::extract::Path;
    /// use axum::response::Response;
    /// use ws_proto_axum::{OriginPolicy, WebSocketUpgrade, WebSocketUpgradeRejection};
    ///
    /// // With `.layer(Extension(Origins::any()))`.
    /// async fn handler(
    ///     Path(tenant): Path<String>,
    ///     upgrade: WebSocketUpgrade,
    /// ) -> Result<Response, WebSocketUpgradeRejection> {
    ///     let origin = format!("https://{tenant}.example");
    ///     let origins = [&*origin];
    ///     let policy = OriginPolicy::list(&origins).unwrap_or(OriginPolicy::const_list(&[]));
    ///     upgrade.check_origin(&policy)?;
    ///     Ok(upgrade.on_upgrade(async |_socket| {}))
    /// }
    /// # let _: axum::Router = axum::Router::new().route("/{tenant}", axum::routing::any(handler));
    /// ```
    ///
    /// # Errors
    ///
    /// [`WebSocketUpgradeRejection::Origin`], the 403 to return.
    pub fn check_origin(
        &self,
        origins: &OriginPolicy<'_>,
    ) -> Result<(), WebSocketUpgradeRejection> {
        with_upgrade(&self.request, self.protocol(), |upgrade| {
            check_origin(upgrade, origins)
        })
    }

    /// Sets a function to call when the server cannot hand over the connection after the response, for instance because the
    /// client has gone. By default such an error is ignored.
    ///
    /// ```
    /// # use axum::response::Response;
    /// # use ws_proto_axum::WebSocketUpgrade;
    /// async fn handler(upgrade: WebSocketUpgrade) -> Response {
    ///     upgrade
    ///         .on_failed_upgrade(|error| eprintln!("no connection: {error}"))
    ///         .on_upgrade(async |_socket| {})
    /// }
    /// # let _: axum::Router = axum::Router::new().route("/", axum::routing::any(handler));
    /// ```
    pub fn on_failed_upgrade<C>(self, callback: C) -> WebSocketUpgrade<C>
    where
        C: OnFailedUpgrade,
    {
        WebSocketUpgrade {
            request: self.request,
            offered: self.offered,
            selected: self.selected,
            options: self.options,
            #[cfg(feature = "deflate")]
            deflate: self.deflate,
            on_upgrade: self.on_upgrade,
            on_failed_upgrade: callback,
        }
    }

    /// Makes the response that accepts the request, 101 or on HTTP/2 200. Once the server has written it, `callback` runs with
    /// the connection, in a task of its own.
    ///
    /// The handler can add header fields to the response, `Set-Cookie` for instance. The connection lives as long as the
    /// `WebSocket` does: a callback that ends without [`close`](ws_proto_tokio::WebSocket::close) drops it, and the
    /// client sees 1006.
    ///
    /// Decide before this whether the client gets in, and return this response as it is. When another response goes out, because
    /// the handler drops this one or a layer around it refuses afterwards, `callback` can run all the same: over HTTP/1.1
    /// hyper (1.12) hands over the connection at its end whatever the response was, and a client that asks for
    /// `Connection: Upgrade, close` brings that about. Layers that refuse before the handler are not concerned.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "the handler has to return this response"]
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let selected = self.selected_protocol();
        let acceptor = Acceptor::new()
            .origins(OriginPolicy::any()) // it has been checked
            .subprotocols(selected.as_slice())
            .options(self.options);
        #[cfg(feature = "deflate")]
        let acceptor = match &self.deflate {
            Some(deflate) => acceptor.deflate(deflate),
            None => acceptor,
        };
        let (response, opened) = match acceptor.answer_http(&self.request, self.protocol()) {
            Ok(answered) => answered,
            Err(error) => return error.to_http().map(Body::from),
        };
        let (on_upgrade, on_failed_upgrade) = (self.on_upgrade, self.on_failed_upgrade);
        tokio::spawn(async move {
            match on_upgrade.await {
                Ok(upgraded) => callback(open_server(TokioIo::new(upgraded), opened)).await,
                Err(error) => on_failed_upgrade.call(Error::new(error)),
            }
        });
        response.map(|()| Body::empty())
    }

    /// `:protocol` of the request, which has been checked.
    fn protocol(&self) -> Option<&'static str> {
        (self.request.version() >= Version::HTTP_2).then_some("websocket")
    }
}

fn check_origin(
    upgrade: &Upgrade<'_>,
    origins: &OriginPolicy<'_>,
) -> Result<(), WebSocketUpgradeRejection> {
    let checked = upgrade.check_origin(origins);
    checked.map_err(|error| OriginRefused::from(error).into())
}

impl<S: Send + Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let mut request = Request::new(());
        request.method_mut().clone_from(&parts.method);
        request.uri_mut().clone_from(&parts.uri);
        *request.version_mut() = parts.version;
        request.headers_mut().clone_from(&parts.headers);
        let default = Origins::same_host();
        let origins = parts.extensions.get::<Origins>().unwrap_or(&default);
        let offered = with_upgrade(&request, protocol_of(parts)?, |upgrade| {
            origins.with_policy(|policy| check_origin(upgrade, policy))?;
            let offered = upgrade.subprotocols().map(Into::into);
            Ok::<_, WebSocketUpgradeRejection>(offered.collect())
        })?;
        let on_upgrade = parts.extensions.remove::<OnUpgrade>();
        Ok(Self {
            request,
            offered,
            selected: None,
            options: Options::new(),
            #[cfg(feature = "deflate")]
            deflate: None,
            on_upgrade: on_upgrade.ok_or(WebSocketUpgradeRejection::NotUpgradable)?,
            on_failed_upgrade: DefaultOnFailedUpgrade,
        })
    }
}

/// `None` for a request that does not ask for a WebSocket connection.
impl<S: Send + Sync> OptionalFromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        use HandshakeError::{
            HostInvalid, HttpVersion, MethodNotConnect, MethodNotGet, TargetInvalid, UpgradeInvalid,
        };
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(upgrade) => Ok(Some(upgrade)),
            Err(WebSocketUpgradeRejection::Handshake(
                MethodNotConnect | MethodNotGet | UpgradeInvalid,
            )) => Ok(None),
            // Found before `Upgrade` is looked at.
            Err(WebSocketUpgradeRejection::Handshake(
                HostInvalid | HttpVersion | TargetInvalid,
            )) if parts.version <= Version::HTTP_11 && !names_websocket(parts) => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// Whether `Upgrade` names `websocket`.
fn names_websocket(parts: &Parts) -> bool {
    let fields = parts.headers.get_all(http::header::UPGRADE).into_iter();
    let mut names = fields.flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
    names.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// `:protocol`, which the crate `http` has no place for.
#[cfg(feature = "http2")]
fn protocol_of(parts: &Parts) -> Result<Option<&str>, WebSocketUpgradeRejection> {
    let protocol = parts.extensions.get::<hyper::ext::Protocol>();
    Ok(protocol.map(hyper::ext::Protocol::as_str))
}

#[cfg(not(feature = "http2"))]
fn protocol_of(parts: &Parts) -> Result<Option<&str>, WebSocketUpgradeRejection> {
    match parts.version {
        // A plain request gets the refusal that it gets with the feature.
        Version::HTTP_2 if parts.method == http::Method::CONNECT => {
            Err(WebSocketUpgradeRejection::Http2Disabled)
        }
        _ => Ok(None),
    }
}

/// Leaves out the header fields: they can have secrets.
impl<F> fmt::Debug for WebSocketUpgrade<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("version", &self.request.version())
            .field("requested_protocols", &self.offered)
            .field("selected_protocol", &self.selected)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Handles a connection that the server cannot hand over: see [`WebSocketUpgrade::on_failed_upgrade`]. Every
/// `FnOnce(axum::Error)` is one.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ws_proto_axum::OnFailedUpgrade;
///
/// /// Counts them.
/// struct Counting(Arc<AtomicU64>);
///
/// impl OnFailedUpgrade for Counting {
///     fn call(self, _: axum::Error) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let failed = Arc::new(AtomicU64::new(0));
/// Counting(Arc::clone(&failed)).call(axum::Error::new("the client has gone"));
/// assert_eq!(failed.load(Ordering::Relaxed), 1);
/// ```
pub trait OnFailedUpgrade: Send + 'static {
    /// Reports the error, one of hyper.
    fn call(self, error: Error);
}

impl<F> OnFailedUpgrade for F
where
    F: FnOnce(Error) + Send + 'static,
{
    fn call(self, error: Error) {
        self(error);
    }
}

/// The default of [`WebSocketUpgrade`]: ignores the error.
///
/// ```
/// use axum::response::Response;
/// use ws_proto_axum::{DefaultOnFailedUpgrade, WebSocketUpgrade};
///
/// // The type in full.
/// async fn handler(upgrade: WebSocketUpgrade<DefaultOnFailedUpgrade>) -> Response {
///     upgrade.on_upgrade(async |_socket| {})
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::any(handler));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DefaultOnFailedUpgrade;

impl OnFailedUpgrade for DefaultOnFailedUpgrade {
    fn call(self, _: Error) {}
}
