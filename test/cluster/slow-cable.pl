#!/usr/bin/perl
# Cables on which every frame takes a while, each way: `slow-cable.pl MS TAP TAP [TAP TAP ...]` makes pairs of taps and
# carries frames between the two of a pair. Prints a line when the taps are there; ends when its standard input does.
# In Perl, which every Debian has, since Node cannot make a tap.
use strict;
use warnings;
use Time::HiRes qw(time);

my ($ms, @names) = @ARGV;
my $TUNSETIFF = 0x400454ca;
my $TAP_WITHOUT_HEADER = 0x1002;

sub open_tap {
    my ($name) = @_;
    open(my $tap, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
    ioctl($tap, $TUNSETIFF, pack('a16 S x22', $name, $TAP_WITHOUT_HEADER)) or die "$name: $!\n";
    $tap->blocking(0);
    return $tap;
}

my @taps = map { open_tap($_) } @names;
my @under_way;    # [when it arrives, tap, frame]; the delay is the same for all, so in order
$| = 1;
print "ready\n";

while (1) {
    my $wanted = '';
    vec($wanted, fileno($_), 1) = 1 for @taps, \*STDIN;
    my $wait = @under_way ? $under_way[0][0] - time : undef;
    $wait = 0 if defined $wait && $wait < 0;
    # A tap without carrier, or on its way into a namespace, reads as an error: not a frame, and not the end.
    my $ready = select(my $readable = $wanted, undef, undef, $wait);
    exit 0 if $ready > 0 && vec($readable, fileno(STDIN), 1);
    for my $at (0 .. $#taps) {
        while (sysread($taps[$at], my $frame, 65536)) {
            push @under_way, [time + $ms / 1000, $taps[$at ^ 1], $frame];
        }
    }
    while (@under_way && $under_way[0][0] <= time) {
        my (undef, $tap, $frame) = @{ shift @under_way };
        syswrite($tap, $frame);
    }
}
