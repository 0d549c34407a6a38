//! Who has logged in: a name and a random token, which the browser keeps in a cookie.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{ConnectInfo, Form, FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tokio::sync::watch;

use crate::port::Peer;

/// How many sessions there may be.
const MOST: usize = 10_000;
/// How long a name may be, in bytes.
const LONGEST_NAME: usize = 40;
const COOKIE: &str = "session";

#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Debug)]
struct Session {
    name: String,
    /// `true` once the session has ended, which its connections wait for.
    end: watch::Sender<bool>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An extractor: the user of the session that the request belongs to. Else it is refused with a 401.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    end: watch::Receiver<bool>,
}

impl User {
    /// Waits for the end of the session.
    pub(crate) async fn logged_out(&mut self) {
        // The server that ends drops the session, which is no logout.
        if self.end.wait_for(|end| *end).await.is_err() {
            pending::<()>().await;
        }
    }
}

impl<S> FromRequestParts<S> for User
where
    S: Send + Sync,
    Arc<Sessions>: FromRef<S>,
{
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        let sessions = Arc::<Sessions>::from_ref(state);
        let sessions = sessions.lock();
        let session = token_of(&parts.headers).and_then(|token| sessions.get(token));
        let session = session.ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(Self {
            name: session.name.clone(),
            end: session.end.subscribe(),
        })
    }
}

/// The token in the cookie (RFC 6265 4.2.1). Over HTTP/2 a browser may send several fields.
fn token_of(headers: &HeaderMap) -> Option<&str> {
    let fields = headers.get_all(header::COOKIE).iter();
    let pairs = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token)
}

#[derive(Deserialize)]
pub(crate) struct Login {
    name: String,
}

/// Makes a session, and goes to the chat.
pub(crate) async fn log_in(
    State(sessions): State<Arc<Sessions>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Form(Login { name }): Form<Login>,
) -> Result<Response, (StatusCode, &'static str)> {
    let name = name.trim();
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        return Err((StatusCode::BAD_REQUEST, "a name has one to 40 bytes"));
    }
    let mut token = [0; 16];
    getrandom::fill(&mut token)
        .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "no randomness"))?;
    let token = format!("{:032x}", u128::from_ne_bytes(token));
    let mut sessions = sessions.lock();
    if sessions.len() == MOST {
        // Those that nobody uses make room.
        sessions.retain(|_, session| session.end.receiver_count() > 0);
    }
    if sessions.values().any(|session| session.name == name) {
        return Err((StatusCode::CONFLICT, "somebody else has that name"));
    }
    if sessions.len() == MOST {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "too many are here"));
    }
    // No script can read it, and no page of another site sends it. A page of this host at another port does.
    let secure = if peer.is_tls { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let session = Session {
        name: name.to_owned(),
        end: watch::Sender::new(false),
    };
    sessions.insert(token, session);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// Ends the session, and with it its connections.
pub(crate) async fn log_out(State(sessions): State<Arc<Sessions>>, headers: HeaderMap) -> Redirect {
    if let Some(token) = token_of(&headers) {
        if let Some(session) = sessions.lock().remove(token) {
            session.end.send_replace(true);
        }
    }
    Redirect::to("/")
}
