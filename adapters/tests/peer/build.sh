# Builds the peers of the adapters, for the scripts that source this: another adapter is one more
# word here, and an example `peer_NAME` in its package `ws-proto-NAME`.
adapters=(tokio smol mio)

peer_of() { # ADAPTER: builds its peer, prints the path
    local build=(cargo build --quiet --release --locked -p "ws-proto-$1" --features deflate --example "peer_$1")
    "${build[@]}"
    "${build[@]}" --message-format=json | python3 -c '
import json, sys
print([json.loads(line).get("executable") for line in sys.stdin if "\"peer_" in line][-1])'
}
