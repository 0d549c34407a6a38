//! The chart of the README shows the numbers of `adapters/RESULTS.md`.

#[path = "../../adapters/load/src/chart.rs"]
mod chart;

/// Neither the report nor the chart is changed alone.
#[test]
fn the_chart_is_that_of_the_report() {
    let report = include_str!("../../adapters/RESULTS.md");
    let drawn = include_str!("../src/images/comparison.svg");
    let is_current = chart::svg(report).unwrap() == drawn;
    assert!(is_current, "`adapters/load.sh --chart` draws it");
}

#[test]
fn the_chart_shows_losses() {
    let row = |server: &str, n: u32| format!("| {server} | {n} | |\n");
    let servers = [
        "ws-proto-mio",
        "ws-proto-tokio",
        "ws-proto-smol",
        "fastwebsockets",
        "tokio-websockets",
        "tokio-tungstenite",
    ];
    let mut report = String::from("Machine: one.\n");
    for load in ["a", "b", "c", "d", "e"] {
        report += &format!("\n## {load}\n\n| server | echoes a second | |\n|---|---:|---|\n");
        for (server, n) in servers.iter().zip([50, 40, 30, 80, 20, 10]) {
            report += &row(server, n);
        }
    }
    assert!(chart::svg(&report).is_err(), "no memory");
    report += "\n## Resident memory of a connection\n\n| server | bytes |\n|---|---:|\n";
    for server in servers {
        report += &row(server, 6455);
    }
    let drawn = chart::svg(&report).unwrap();
    assert_eq!(
        drawn.matches(">100 %<").count(),
        3,
        "fastwebsockets in each load that is shown"
    );
    assert_eq!(drawn.matches(">50 %<").count(), 3, "ws-proto-tokio");
    assert_eq!(drawn.matches(">6455<").count(), 6);
    assert!(
        ["a", "c", "e"]
            .iter()
            .all(|load| drawn.contains(&format!(">{load}<")))
    );
    assert!(!drawn.contains(">b<"));
}
