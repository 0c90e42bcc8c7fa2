#!/bin/sh
# Somebody's own script.
IPT=/usr/sbin/iptables
LAN="192.168.0.0/16 10.0.0.0/8"

$IPT -N CONTAINERS 2>/dev/null || $IPT -F CONTAINERS
$IPT -A CONTAINERS -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
$IPT -A CONTAINERS -d 10.1.2.3 -p tcp -m multiport --dports 5432,8000:8100 \
  -m comment --comment "databases" -j ACCEPT
$IPT -A CONTAINERS -m iprange --dst-range 10.9.0.10-10.9.0.20 -j RETURN
$IPT -A CONTAINERS -m set --match-set printers dst -j RETURN
for net in $LAN; do
  $IPT -A CONTAINERS -d $net -j REJECT
done
$IPT -A CONTAINERS -d 10.1.2.4 -j RETURN
$IPT -A CONTAINERS -p tcp --dport 25 -j DROP
$IPT -I DOCKER-USER -i br-+ ! -o br-+ -j CONTAINERS
$IPT -I DOCKER-USER -i docker0 ! -o docker0 -j CONTAINERS
$IPT -A INPUT -i docker0 -p udp --dport 53 -j ACCEPT
$IPT -A INPUT -i docker0 -d 10.57.17.2 -j DROP
$IPT -A INPUT -p tcp --dport 22 -j ACCEPT
$IPT -t nat -A POSTROUTING -s 172.17.0.0/16 -o eth0 -j MASQUERADE
$IPT -A CONTAINERS -d "$OFFICE" -j RETURN
ipset create printers hash:ip
allow_more 10.1.2.9
