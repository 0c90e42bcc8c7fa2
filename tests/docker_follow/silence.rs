//! Docker stopped, restarted, killed, frozen.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::stage::{NEIGHBOUR, Stage, asked, grants};
use crate::support::lab::{ENFORCE, Lab, Verdict, assert_unbroken};

fn of_web_1() -> String {
    grants("of-web-1", NEIGHBOUR, "from = \"container:web-1\"\nports = [\"7000/tcp\"]")
        + &grants("of-job", NEIGHBOUR, "from = \"container:job\"\nports = [\"7000/tcp\"]")
}

/// Deletes the table many times; gives the median of the times that it took to be back, in milliseconds.
fn repair(stage: &Stage) -> f64 {
    stage.guard.told();
    let mut took: Vec<f64> = (0..20)
        .map(|_| {
            stage.exec("host", "nft delete table inet dockwall");
            stage.guard.await_event("repaired")["milliseconds"].as_f64().unwrap()
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}

/// Beside what the wall itself promises: nothing of what was granted by name is lost, and nobody else gets
/// any of it, however Docker comes and goes.
#[test]
fn a8_no_grant_of_a_running_container_is_lost_while_docker_is_stopped_restarted_and_killed() {
    let stage = Stage::with(&of_web_1());
    let sessions = || NEIGHBOUR.map(|to| stage.session("web-1", &format!("{to} 7000"))).into_iter().collect::<Vec<_>>();
    let others = stage.start("app", "traffic connect 10.57.17.6 7000 --rate 10 --seconds 300 --until-eof");
    for command in ["stop", "start", "restart", "kill", "start"] {
        let unbroken = sessions();
        stage.control(&format!("dockerd {command}"));
        sleep(Duration::from_millis(1500));
        stage.expect(command, &asked("web-1", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
        assert_unbroken(command, unbroken);
    }
    let told = stage.guard.told();
    let events: Vec<&str> = told.iter().map(|told| told["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["docker-silent", "docker-speaks"].repeat(3), "{told:#?}");
    let others = others.finish();
    assert!(others["tried"].as_u64().unwrap() > 50 && others["established"] == 0, "{others}");

    // It is heard again: within about a second a new container has its grant.
    let began = Instant::now();
    stage.container("job", "");
    stage.await_rows("after all that", &asked("job", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    println!("a new container was followed {:?} after `docker run` began", began.elapsed());
    stage.expect_as_applied("after all that");
}

/// A guard that starts while Docker is away knows nothing of it but what is in force.
#[test]
fn a_guard_that_starts_without_docker_keeps_the_grants_of_containers_that_run() {
    let mut stage = Stage::with(&of_web_1());
    stage.control("dockerd stop");
    stage.start_guard_anew();
    sleep(Duration::from_millis(1500));
    let open = asked("web-1", "tcp", NEIGHBOUR, 7000, Verdict::Ok);
    stage.expect("Docker is away", &open);
    assert!(stage.guard.told().is_empty());
    stage.control("dockerd start");
    stage.container("job", "");
    stage.await_rows("Docker is there", &asked("job", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    stage.expect("Docker is there", &open);
    stage.expect_as_applied("Docker is there");
}

#[test]
fn a_frozen_docker_delays_neither_repair_nor_what_the_host_says_and_is_caught_up_with() {
    let stage = Stage::unowned(&of_web_1());
    let usual = repair(&stage);
    stage.signal_dockerd(Signal::STOP);
    let frozen = repair(&stage);
    println!("repaired in {usual:.1} ms (median), with a frozen Docker in {frozen:.1} ms");
    assert!(frozen < 50.0_f64.max(2.0 * usual), "{frozen} ms");
    stage.exec("host", "ip link add uplink2 type veth peer name elsewhere");
    stage.exec("host", "ip address add 198.18.5.2/24 dev uplink2");
    stage.guard.await_followed("denied now: 198.18.5.0/24");
    stage.expect("frozen", &asked("web-1", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    stage.signal_dockerd(Signal::CONT);
    stage.container("job", "");
    stage.await_rows("thawed", &asked("job", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    stage.expect_as_applied("thawed");
}

/// As at a reboot: its containers end with it, and are there again under the same names when somebody starts
/// them.
#[test]
fn m8_containers_that_end_with_docker_lose_their_grants_and_have_them_again_when_they_are_started() {
    let lab = Lab::up(&["--dockerd-opt", "--live-restore=false"]);
    lab.apply(&format!("{ENFORCE}{}", of_web_1()));
    let stage = Stage::on(lab);
    stage.expect("at first", &asked("web-1", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    stage.control("dockerd stop");
    stage.guard.await_followed("container:web-1 is gone");
    stage.control("dockerd start");
    // Its address is another's first.
    stage.container("heir", "--network backend --ip 172.21.0.2 --ip6 fd00:d0c:21::2");
    stage.await_rows("an heir", &asked("heir", "tcp", NEIGHBOUR, 7000, Verdict::Timeout));
    stage.docker("rm -f heir");
    for command in ["start web-1", "restart web-1"] {
        stage.docker(command);
        stage.container(&command.replace(' ', "-"), "--network none");
        stage.await_rows(command, &asked("web-1", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    }
    // The same name, made again.
    stage.docker("rm -f web-1");
    stage.container("web-1", "--network other");
    stage.await_rows("made again", &asked("web-1", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    stage.expect_as_applied("made again");
}
