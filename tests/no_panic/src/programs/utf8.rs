use core::fmt::Display;

use ws_proto::utf8::{InvalidUtf8, Utf8};

use crate::{formatter, given, state, used};

program!("Utf8::new", Utf8::new());
program!("Utf8::push", state::<Utf8>().push(given()));
program!("Utf8::finish", state::<Utf8>().finish());
program!("Utf8::is_complete", state::<Utf8>().is_complete());
program!("InvalidUtf8::fmt", {
    Display::fmt(state::<InvalidUtf8>(), formatter())
});
