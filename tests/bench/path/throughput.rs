//! How much one connection by TCP carries through the host, by iperf3: both of its ends and the host on one
//! processor, so that it is what a byte costs.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::lane::{Lane, SERVER4};
use super::measure::Cost;
use crate::netns::text;
use crate::samples::Samples;

/// How much is sent at a time.
const BYTES: &str = "200M";
/// How long to wait for the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// Measures each lane in turns, beside the first, which has no rules.
pub fn measure(lanes: &[&Lane], runs: u16) -> anyhow::Result<Vec<Cost>> {
    let servers: Vec<Server> = lanes.iter().map(|lane| Server::start(lane)).collect::<anyhow::Result<_>>()?;
    let (bare, others) = lanes.split_first().context("nothing to measure")?;
    let mut without = Vec::new();
    let mut costs = vec![(Vec::new(), Vec::new()); others.len()];
    for _ in 0..runs {
        for (lane, (speeds, ratios)) in others.iter().zip(&mut costs) {
            let (beside, speed) = (transfer(bare)?, transfer(lane)?);
            without.push(beside);
            speeds.push(speed);
            ratios.push(speed / beside);
        }
    }
    drop(servers);
    let bare = Cost { nanoseconds: Samples::new(without), ratio: Samples::new(vec![1.0]) };
    let cost = |(speeds, ratios)| Cost { nanoseconds: Samples::new(speeds), ratio: Samples::new(ratios) };
    Ok(std::iter::once(bare).chain(costs.into_iter().map(cost)).collect())
}

/// A server of iperf3 beyond the host, gone when it is dropped.
struct Server(Child);

impl Server {
    fn start(lane: &Lane) -> anyhow::Result<Self> {
        let mut command = Command::new("iperf3");
        command.args(["--server", "--bind", &SERVER4.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = lane.beyond.enter(|| command.spawn()).context("cannot run iperf3: scripts/setup installs it")?;
        let server = Self(child);
        let begun = Instant::now();
        while transfer_bytes(lane, "1K").is_err() {
            ensure!(begun.elapsed() < PATIENCE, "iperf3 --server does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is gone already is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn transfer(lane: &Lane) -> anyhow::Result<f64> {
    transfer_bytes(lane, BYTES)
}

/// Gigabits for each second that both ends had of the processor: what else runs on the machine is no matter.
fn transfer_bytes(lane: &Lane, bytes: &str) -> anyhow::Result<f64> {
    let mut command = Command::new("iperf3");
    command.args(["--client", &SERVER4.to_string(), "--bytes", bytes, "--json", "--connect-timeout", "1000"]);
    let output = lane.container.enter(|| command.output())?;
    ensure!(output.status.success(), "iperf3: {}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let number = |place: &str| {
        let number = told.pointer(place).and_then(Value::as_f64);
        number.with_context(|| format!("iperf3 says nothing of {place}: {}", text(&output.stdout)))
    };
    let percent =
        number("/end/cpu_utilization_percent/host_total")? + number("/end/cpu_utilization_percent/remote_total")?;
    let seconds = number("/end/sum_sent/seconds")? * percent / 100.0;
    Ok(number("/end/sum_received/bytes")? * 8.0 / seconds / 1e9)
}
