use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Debug, Display};

use ws_proto::extension::{DecodeError, NoExtension};
use ws_proto::message::{AssembleError, Assembler, Message, MessageBuf, OwnedMessage};
use ws_proto::{CapacityError, FixedBuf, MessageStorage, Storage};

use crate::{AnyExtension, AnyMessageStorage, formatter, given, state, used};

program!("Message::as_bytes", state::<Message<'_>>().as_bytes());
program!("Message::as_text", state::<Message<'_>>().as_text());
program!("Message::kind", state::<Message<'_>>().kind());
program!("Message::into_owned", given::<Message<'_>>().into_owned());
program!("Message::from(&OwnedMessage)", {
    Message::from(given::<&OwnedMessage>())
});
program!("OwnedMessage::as_bytes", state::<OwnedMessage>().as_bytes());
program!("OwnedMessage::as_message", {
    state::<OwnedMessage>().as_message()
});
program!("OwnedMessage::as_text", state::<OwnedMessage>().as_text());
program!("OwnedMessage::into_bytes", {
    given::<OwnedMessage>().into_bytes()
});
program!("OwnedMessage::into_text", {
    given::<OwnedMessage>().into_text()
});
program!("OwnedMessage::kind", state::<OwnedMessage>().kind());
program!("OwnedMessage::eq(&Message)", {
    *state::<OwnedMessage>() == given::<Message<'_>>()
});
program!("OwnedMessage::from(&[u8])", {
    OwnedMessage::from(given::<&[u8]>())
});
program!("OwnedMessage::from(&str)", {
    OwnedMessage::from(given::<&str>())
});
program!("OwnedMessage::from(String)", {
    OwnedMessage::from(given::<String>())
});
program!("OwnedMessage::from(Vec<u8>)", {
    OwnedMessage::from(given::<Vec<u8>>())
});
program!("OwnedMessage::from(Message)", {
    OwnedMessage::from(given::<Message<'_>>())
});
program!("AssembleError::close_code", {
    given::<AssembleError>().close_code()
});
program!("AssembleError::from(CapacityError)", {
    AssembleError::from(given::<CapacityError>())
});
program!("AssembleError::from(DecodeError)", {
    AssembleError::from(given::<DecodeError>())
});
program!("AssembleError::fmt", {
    Display::fmt(state::<AssembleError>(), formatter())
});
program!("Assembler<S>::new", {
    Assembler::new(given::<FixedBuf<1024>>(), given())
});
program!("Assembler<S, X>::with_extension", {
    Assembler::with_extension(given::<AnyMessageStorage>(), given(), AnyExtension)
});
program!("Assembler<S, X>::push", {
    state::<Assembler<AnyMessageStorage, AnyExtension>>().push(given())
});
program!("Assembler<S, X>::push, fixed", {
    state::<Assembler<FixedBuf<1024>, NoExtension>>().push(given())
});
program!("Assembler<S, X>::push, growing", {
    state::<Assembler<MessageBuf, NoExtension>>().push(given())
});
program!("Assembler<S, X>::extension_mut", {
    state::<Assembler<AnyMessageStorage, AnyExtension>>().extension_mut()
});
program!("Assembler<S, X>::storage", {
    state::<Assembler<AnyMessageStorage, AnyExtension>>().storage()
});
program!("Assembler<S, X>::storage_mut", {
    state::<Assembler<AnyMessageStorage, AnyExtension>>().storage_mut()
});
program!("Assembler<S, X>::fmt", {
    Debug::fmt(
        state::<Assembler<AnyMessageStorage, AnyExtension>>(),
        formatter(),
    )
});
program!("MessageBuf::new", MessageBuf::new());
program!("MessageBuf::with_limit", MessageBuf::with_limit(given()));
program!("MessageBuf::capacity", state::<MessageBuf>().capacity());
program!("MessageBuf::bytes", state::<MessageBuf>().bytes());
program!("MessageBuf::clear", state::<MessageBuf>().clear());
program!("MessageBuf::store", state::<MessageBuf>().store(given()));
program!("MessageBuf::store_text", {
    state::<MessageBuf>().store_text(given(), given(), given())
});
program!("MessageBuf::store_with", {
    state::<MessageBuf>().store_with(given(), given())
});
program!("MessageBuf::text", state::<MessageBuf>().text());
program!("MessageBuf::truncate", {
    state::<MessageBuf>().truncate(given())
});
program!("MessageBuf::fmt", {
    Debug::fmt(state::<MessageBuf>(), formatter())
});
