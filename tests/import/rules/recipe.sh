#!/bin/bash
# Keeps containers away from internal networks, by firewalld's direct rules: the recipe.
set -e

fw="firewall-cmd --permanent --direct"

# From scratch.
for family in ipv4 ipv6; do
  for chain in DOCKER-USER DOCKER-USER-DENY-INTERNAL DOCKER-USER-DROP; do
    $fw --remove-rules $family filter $chain
    $fw --remove-chain $family filter $chain
    $fw --add-chain $family filter $chain
  done

  # What comes from a container and leaves by the host or an uplink.
  for bridge in docker0 br-+; do
    for uplink in lo eth+; do
      $fw --add-rule $family filter DOCKER-USER 0 -i $bridge -o $uplink -j DOCKER-USER-DENY-INTERNAL
    done
  done
  $fw --add-rule $family filter DOCKER-USER 10 -j RETURN

  # 6 lines a minute for each source, destination and port, then drop.
  $fw --add-rule $family filter DOCKER-USER-DROP 0 -m hashlimit --hashlimit-upto 6/minute --hashlimit-burst 5 \
    --hashlimit-mode srcip,dstip,dstport --hashlimit-name docker-net-drop -j LOG --log-prefix "DOCKER_NET_DROP "
  $fw --add-rule $family filter DOCKER-USER-DROP 10 -j DROP
done

# Exceptions come first.
$fw --add-rule ipv4 filter DOCKER-USER-DENY-INTERNAL 0 -d 10.57.17.5 -p tcp --dport 7000 -m comment --comment "the database" -j RETURN
$fw --add-rule ipv6 filter DOCKER-USER-DENY-INTERNAL 0 -d fd57:17::5 -p tcp --dport 7000 -m comment --comment "the database" -j RETURN

for range in 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/4; do
  $fw --add-rule ipv4 filter DOCKER-USER-DENY-INTERNAL 10 -d $range -j DOCKER-USER-DROP
done
for range in fe80::/10 fc00::/7 ff00::/8; do
  $fw --add-rule ipv6 filter DOCKER-USER-DENY-INTERNAL 10 -d $range -j DOCKER-USER-DROP
done

firewall-cmd --reload
