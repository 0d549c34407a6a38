use core::fmt::{Debug, Display};

use ws_proto::close::{CloseCode, CloseReason, ControlPayload, InvalidCloseCode, TooLong};

use crate::{formatter, given, state, used};

program!("CloseCode::new", CloseCode::new(given()));
program!("CloseCode::as_u16", given::<CloseCode>().as_u16());
program!("CloseCode::try_from(u16)", {
    CloseCode::try_from(given::<u16>())
});
program!("u16::from(CloseCode)", u16::from(given::<CloseCode>()));
program!("CloseCode::fmt", {
    Display::fmt(state::<CloseCode>(), formatter())
});
program!("CloseCode::fmt, debug", {
    Debug::fmt(state::<CloseCode>(), formatter())
});
program!("InvalidCloseCode::fmt", {
    Display::fmt(state::<InvalidCloseCode>(), formatter())
});
program!("CloseReason::new", CloseReason::new(given()));
program!("CloseReason::truncated", CloseReason::truncated(given()));
program!("CloseReason::as_str", state::<CloseReason<'_>>().as_str());
program!("CloseReason::try_from(&str)", {
    CloseReason::try_from(given::<&str>())
});
program!("ControlPayload::new", ControlPayload::new(given()));
program!("ControlPayload::as_bytes", {
    state::<ControlPayload<'_>>().as_bytes()
});
program!("ControlPayload::from(&[u8; N])", {
    ControlPayload::from(given::<&[u8; 125]>())
});
program!("ControlPayload::try_from(&[u8])", {
    ControlPayload::try_from(given::<&[u8]>())
});
program!("TooLong::fmt", {
    Display::fmt(state::<TooLong>(), formatter())
});
