//! A stream that only the traits of futures-io allow.

use std::io;

use crate::common::{quiet, run};
use ws_proto_smol::{AcceptError, Error, Negotiated, accept, server};
use ws_proto_test::stream::Boasting;

#[test]
fn a_stream_that_counts_wrongly_fails() {
    run(async {
        let error = accept(Boasting).await.unwrap_err();
        let is_invalid = |error: &io::Error| error.kind() == io::ErrorKind::InvalidData;
        assert!(
            matches!(&error, AcceptError::Io(error) if is_invalid(error)),
            "{error:?}"
        );
        let mut socket = server(Boasting, Negotiated::new(), quiet());
        let result = socket.next().await.unwrap();
        assert!(
            matches!(&result, Err(Error::Io(error)) if is_invalid(error)),
            "{result:?}"
        );
    });
}
