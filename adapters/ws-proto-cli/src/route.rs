//! Whether one connects through a proxy, and which.

use anyhow::Context;
use ws_proto_tokio::{Proxy, Uri};

use crate::args::Args;
use crate::failure::{Exit, Failure, OrExit};

/// How servers are reached.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    Direct,
    /// Through the proxy of `--proxy`.
    Given(Proxy),
    /// Through the proxy that the environment names.
    Environment(Proxy),
}

impl Route {
    /// The value of `--proxy`: without one there is no proxy, whatever the environment says.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::Direct);
        }
        let proxy = Proxy::new(text).map_err(|error| error.to_string())?;
        Ok(Self::Given(proxy))
    }

    /// The one to a server that is at the host of `uri`.
    pub(crate) fn to(uri: &Uri<'_>, args: &Args) -> Result<Self, Failure> {
        if let Some(given) = &args.proxy {
            return Ok(given.clone());
        }
        // What is not Unicode is an error of the URL then, not the way without a proxy.
        let var = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        let named = Proxy::from_env(uri, var)
            .with_context(|| format!("the proxy of the environment ({VARIABLES})"))
            .or_exit(Exit::Usage)?;
        Ok(named.map_or(Self::Direct, Self::Environment))
    }

    pub(crate) const fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Direct => None,
            Self::Given(proxy) | Self::Environment(proxy) => Some(proxy),
        }
    }
}

/// What names a proxy.
pub(crate) const VARIABLES: &str = "HTTPS_PROXY, http_proxy, ALL_PROXY";
