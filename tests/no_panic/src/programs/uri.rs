use core::fmt::{Debug, Display};
use core::hash::{Hash, Hasher};

use ws_proto::uri::{
    BasicAuth, BasicAuthError, ConnectHost, HostHeader, Target, Uri, UriError, UriRules, UserInfo,
};

use crate::{formatter, given, state, used};

program!("Uri::parse", Uri::parse(given()));
program!("Uri::parse_with", Uri::parse_with(given(), given()));
program!("Uri::try_from(&str)", Uri::try_from(given::<&str>()));
program!("Uri::host", state::<Uri<'_>>().host());
program!("Uri::host_header", state::<Uri<'_>>().host_header());
program!("Uri::host_is_ipv6", state::<Uri<'_>>().host_is_ipv6());
program!("Uri::connect_host", state::<Uri<'_>>().connect_host());
program!("Uri::is_secure", state::<Uri<'_>>().is_secure());
program!("Uri::port", state::<Uri<'_>>().port());
program!("Uri::target", state::<Uri<'_>>().target());
program!("Uri::user_info", state::<Uri<'_>>().user_info());
program!("Uri::with_zone", given::<Uri<'_>>().with_zone(given()));
program!("Uri::zone", state::<Uri<'_>>().zone());
program!("Uri::eq", *state::<Uri<'_>>() == *state::<Uri<'_>>());
program!("Uri::hash", {
    state::<Uri<'_>>().hash(&mut AnyHasher);
});
program!("Uri::fmt", Display::fmt(state::<Uri<'_>>(), formatter()));
program!("UriError::fmt", {
    Display::fmt(state::<UriError>(), formatter())
});
program!("UriRules::new", UriRules::new());
program!("UriRules::http", given::<UriRules>().http(given()));
program!("UriRules::user_info", {
    given::<UriRules>().user_info(given())
});
program!("Target::path", state::<Target<'_>>().path());
program!("Target::query", state::<Target<'_>>().query());
program!("Target::fmt", {
    Display::fmt(state::<Target<'_>>(), formatter())
});
program!("HostHeader::fmt", {
    Display::fmt(state::<HostHeader<'_>>(), formatter())
});
program!("ConnectHost::fmt", {
    Display::fmt(state::<ConnectHost<'_>>(), formatter())
});
program!("UserInfo::user", state::<UserInfo<'_>>().user());
program!("UserInfo::password", state::<UserInfo<'_>>().password());
program!("UserInfo::basic", state::<UserInfo<'_>>().basic());
program!("UserInfo::fmt", {
    Debug::fmt(state::<UserInfo<'_>>(), formatter())
});
program!("BasicAuth::fmt", {
    Display::fmt(state::<BasicAuth<'_>>(), formatter())
});
program!("BasicAuthError::fmt", {
    Display::fmt(state::<BasicAuthError>(), formatter())
});

#[allow(dead_code, reason = "one program uses it")]
struct AnyHasher;

impl Hasher for AnyHasher {
    fn write(&mut self, bytes: &[u8]) {
        used(bytes);
    }

    fn finish(&self) -> u64 {
        given()
    }
}
