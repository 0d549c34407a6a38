//! Resident memory of a connection.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::process::Target;
use crate::swarm::Swarm;

/// Bytes of a connection that is idle after one echo, for each server. What the kernel holds is not in
/// it.
pub fn measure(targets: &[Target], connections: usize) -> Result<BTreeMap<&'static str, u64>> {
    let mut each = BTreeMap::new();
    for target in targets {
        let server = target.start(&[])?;
        let before = server.resident()?;
        let mut swarm = Swarm::connect(server.address, connections, 64)?;
        swarm.echo_once()?;
        let grown = server.resident()?.saturating_sub(before);
        each.insert(target.name, grown / connections as u64);
    }
    Ok(each)
}
