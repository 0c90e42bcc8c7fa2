//! Names and those who know them.

use super::Lab;

impl Lab {
    /// What `traffic resolve` says at a place: addresses, or the word for why there are none.
    pub fn resolve(&self, place: &str, what: &str) -> String {
        let output = self.try_exec(place, &format!("traffic resolve {what}"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The resolvers that Docker gave a container.
    #[track_caller]
    pub fn nameservers(&self, container: &str) -> Vec<String> {
        let file = self.exec("host", &format!("docker exec {container} cat /etc/resolv.conf"));
        file.lines()
            .filter_map(|line| line.strip_prefix("nameserver "))
            .map(|server| server.trim().to_owned())
            .collect()
    }

    /// Starts a resolver on the Docker host, until it is dropped. `what` is addresses and answers, as
    /// options of `traffic serve`: `--address 127.0.0.53 --a 192.0.2.53`.
    #[track_caller]
    pub fn resolver_on_host(&self, what: &str) -> super::Sender {
        let resolver = self.start("host", &format!("traffic serve --dns 53 {what}"));
        let asked = what.split(' ').skip_while(|word| *word != "--address").nth(1).unwrap_or("127.0.0.1");
        let tries = (0..50).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            self.try_exec("host", &format!("traffic resolve {asked} ready.example")).status.success()
        });
        assert!(tries, "no resolver at {asked}");
        resolver
    }
}
