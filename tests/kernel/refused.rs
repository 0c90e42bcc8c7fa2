//! What the kernel refuses changes nothing, and the error says what it was.

use dockwall::host::kernel_release;
use dockwall::netlink::{Error, Refused};
use dockwall::policy::{Networks, Policy};
use dockwall::ruleset::{Base, Chain, Change, Elements, Expr, Family, Hook, Register, Rule, Set, Table, diff, sets};

use crate::is_at_least;
use crate::support::Netns;
use crate::support::policies::{grant, interfaces, networks, plain, table};

/// The change made impossible, and how the error must name it.
fn broken(change: &Change) -> (Change, String) {
    const NO_SUCH_FLAG: u32 = 1 << 7;
    let unknown = Expr::Lookup { set: "nowhere".to_owned(), register: Register::R1, inverted: false };
    match change {
        Change::AddTable { comment, .. } => {
            (Change::AddTable { comment: comment.clone(), flags: NO_SUCH_FLAG }, "table inet dockwall".to_owned())
        }
        Change::Wake { .. } => (Change::Wake { flags: NO_SUCH_FLAG }, "table inet dockwall awake".to_owned()),
        // The table does not outlive its owners.
        Change::Own => (Change::Own, "table inet dockwall owned".to_owned()),
        Change::DeleteTable => (Change::AddTable { comment: None, flags: 0 }, "table inet dockwall".to_owned()),
        Change::AddSet(set) => {
            (Change::AddSet(Set { flags: set.flags | 1 << 12, ..set.clone() }), format!("set {}", set.name))
        }
        Change::DeleteSet(name) => (Change::DeleteSet(format!("{name}-not")), format!("set {name}-not")),
        // Three bytes are no key of any of the sets.
        Change::AddElements(set) => (Change::AddElements(three_bytes(set)), format!("of set {}", set.name)),
        Change::DeleteElements(set) => (Change::DeleteElements(three_bytes(set)), format!("of set {}", set.name)),
        Change::AddChain(chain) => {
            let base = Some(Base { hook: Hook(77), ..filter() });
            (Change::AddChain(Chain { base, ..chain.clone() }), format!("chain {}", chain.name))
        }
        Change::SetPolicy(chain) => {
            let base = Some(Base { hook: Hook::INPUT, ..filter() });
            (Change::SetPolicy(Chain { base, ..chain.clone() }), format!("chain {}", chain.name))
        }
        Change::DeleteChain(name) => (Change::DeleteChain(format!("{name}-not")), format!("chain {name}-not")),
        Change::AddRule { chain, rule, number, before } => {
            let mut rule = rule.clone();
            rule.expressions.insert(0, unknown);
            let named = format!("rule {number} of {chain} (`");
            (Change::AddRule { chain: chain.clone(), rule, number: *number, before: *before }, named)
        }
        Change::DeleteRule { chain, rule } => {
            let rule = Rule { handle: Some(u64::MAX), ..rule.clone() };
            (Change::DeleteRule { chain: chain.clone(), rule }, format!("rule of {chain} (`"))
        }
    }
}

fn filter() -> Base {
    Chain::filter("", Hook::FORWARD, -20, Vec::new()).base.unwrap()
}

fn three_bytes(set: &Set) -> Set {
    Set { elements: Elements::Exact(vec![vec![1, 2, 3]]), ..set.clone() }
}

/// Sends the change from `live` to `want` once for each of its parts, with that part broken.
fn every_part_broken(netns: &Netns, want: &Table) -> usize {
    let before = netns.nft("-a list ruleset");
    let live = netns.read();
    let changes = diff(live.table.as_ref(), want);
    let mut kernel = netns.kernel();
    for index in 0..changes.len() {
        let mut changes = changes.clone();
        let (broken, named) = broken(&changes[index]);
        changes[index] = broken;
        match kernel.commit(&changes, live.generation) {
            Err(Error::Refused(Refused { refusals })) => {
                assert!(refusals[0].object.contains(&named), "{} instead of {named}", refusals[0]);
                assert!(refusals[0].errno > 0, "{}", refusals[0]);
            }
            other => panic!("{other:?} for {named}"),
        }
        assert_eq!(netns.nft("-a list ruleset"), before, "{named}");
    }
    // Unbroken it is taken.
    kernel.commit(&changes, live.generation).unwrap();
    assert_eq!(netns.table().digest(), want.digest());
    changes.len()
}

#[test]
fn i5_every_part_of_a_first_batch_refused_in_turn_is_named_and_changes_nothing() {
    let netns = Netns::new();
    assert!(every_part_broken(&netns, &table(&plain(), 1)) > 30);
}

#[test]
fn i5_every_part_of_a_change_refused_in_turn_is_named_and_changes_nothing() {
    let netns = Netns::new();
    netns.replace(&table(&Policy { uplinks: Some(interfaces(&["eth0", "wl*"])), ..plain() }, 1));
    netns.load("add chain inet dockwall forward { policy drop; }");
    let want = Policy {
        denied: networks(&["10.0.0.0/9", "172.16.0.0/12", "fd00::/8"]),
        grants: vec![grant("new", &["10.0.0.1"])],
        containers: interfaces(&["docker1", "podman*"]),
        log: dockwall::policy::Log { remember: 9, ..plain().log },
        ..plain()
    };
    assert!(every_part_broken(&netns, &table(&want, 2)) > 30);
}

/// The error for these changes to an applied table.
fn refusal(changes: &[Change]) -> String {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let generation = netns.read().generation;
    netns.kernel().commit(changes, generation).unwrap_err().to_string()
}

fn add_rule(chain: &str, rule: Rule) -> Change {
    Change::AddRule { chain: chain.to_owned(), rule, number: 1, before: None }
}

#[test]
fn i6_an_error_has_the_object_the_reason_the_cure_the_errno_the_kernels_words_and_its_version() {
    let too_long = "x".repeat(300);
    let text = refusal(&[Change::AddChain(Chain::regular(&too_long, Vec::new()))]);
    for part in [
        format!("chain {too_long}: "),
        "too long for this kernel".to_owned(),
        "use a kernel from 5.10 on".to_owned(),
        "(os error 34)".to_owned(),
        // Linux 5.10 and 6.12 say nothing.
        if is_at_least(6, 18) { "\"Attribute failed policy validation\"".to_owned() } else { String::new() },
        format!("(kernel {})", kernel_release()),
    ] {
        assert!(text.contains(&part), "{part} is not in {text}");
    }
}

#[test]
fn i6_a_rule_is_named_with_its_number_its_text_and_the_expression() {
    let raw = Expr::Raw { name: "nonsense".to_owned(), data: Vec::new() };
    let unknown = Rule { expressions: vec![Expr::COUNTER, raw], ..Rule::new() };
    let cases = [
        (Rule::new().count().jump("nowhere"), "expression 2 (immediate)", "`nowhere` that it refers to is not there"),
        (Rule::new().protocol_in("nowhere").drop(), "expression 2 (lookup)", "`nowhere` that it refers to"),
        (
            unknown,
            "expression 2 (nonsense)",
            "the module nft_nonsense is missing; load it with `modprobe nft_nonsense`",
        ),
    ];
    for (rule, expression, reason) in cases {
        let text = refusal(&[add_rule("forward", rule.clone())]);
        for part in [&format!("rule 1 of forward (`{rule}`), {expression}"), reason, "No such file or directory"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}

#[test]
fn i6_a_chain_that_is_still_jumped_to_is_busy() {
    let text = refusal(&[Change::DeleteChain("DOCKER-USER-DROP".to_owned())]);
    for part in ["chain DOCKER-USER-DROP: ", "other rules still refer to it", "busy (os error 16)"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn i6_jumps_in_a_circle_are_called_so() {
    let text = refusal(&[add_rule("DOCKER-USER-DROP", Rule::new().jump("DOCKER-USER"))]);
    assert!(text.contains("rule 1 of DOCKER-USER-DROP (`jump DOCKER-USER`)"), "{text}");
    assert!(text.contains("the jumps go in a circle or too deep"), "{text}");
}

#[test]
fn j6_too_many_elements_for_a_set_are_called_so_and_not_too_many_open_files() {
    let networks = networks(&["10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.7", "10.0.0.9"]);
    let set = Set { size: Some(3), ..Set::ipv4_intervals("small", networks.ipv4) };
    let keys = (0..5).map(|number| vec![number]).collect();
    let exact = Set { size: Some(3), ..Set::exact("small", dockwall::ruleset::DataType::InetProto, keys) };
    for set in [set, exact] {
        let empty = Set { elements: set.elements.none(), ..set.clone() };
        let text = refusal(&[Change::AddSet(empty), Change::AddElements(set)]);
        assert!(text.contains("the set is full: it has reached its size of 3"), "{text}");
        assert!(text.contains("of set small"), "{text}");
    }
}

#[test]
fn j6_no_set_that_the_configuration_fills_can_be_full() {
    let octets = [sets::first(Family::Ipv4), sets::first(Family::Ipv6)];
    // An octet has as many values.
    let holds_all = |set: &Set| set.size.is_none() || (octets.contains(&set.name) && set.size == Some(256));
    let everything = Policy { denied: Networks::everything(), ..plain() };
    for policy in [plain(), everything] {
        let table = table(&policy, 1);
        assert!(table.sets.iter().all(|set| set.is_dynamic() || holds_all(set)), "{table}");
        let netns = Netns::new();
        netns.replace(&table);
        assert_eq!(netns.table().digest(), table.digest());
    }
}
