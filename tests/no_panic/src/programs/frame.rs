use ws_proto::frame::{EncodedHeader, Header, Mask, Opcode, Rsv};

use crate::{given, state, used};

program!("Header::new", Header::new(given(), given()));
program!("Header::masked", given::<Header>().masked(given()));
program!("Header::encode", state::<Header>().encode());
program!("Header::encoded_len", state::<Header>().encoded_len());
program!("Header::parse", Header::parse(given()));
program!("EncodedHeader::as_ref", {
    AsRef::<[u8]>::as_ref(state::<EncodedHeader>())
});
program!("EncodedHeader::deref", &**state::<EncodedHeader>());
program!("Mask::new", Mask::new(given()));
program!("Mask::at_offset", Mask::at_offset(given(), given()));
program!("Mask::apply", state::<Mask>().apply(given()));
program!("Opcode::from_bits", Opcode::from_bits(given()));
program!("Opcode::is_control", given::<Opcode>().is_control());
program!("Rsv::from_bits", Rsv::from_bits(given()));
program!("Rsv::bits", given::<Rsv>().bits());
program!("Rsv::is_none", given::<Rsv>().is_none());
program!("Rsv::contains", given::<Rsv>().contains(given()));
program!("Rsv::bitor", given::<Rsv>() | given::<Rsv>());
