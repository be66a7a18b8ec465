#!/usr/bin/perl
# Cables on which every frame takes a while, each way: `slow-cable.pl MS TAP TAP [TAP TAP ...]` makes pairs of taps and
# carries frames between the two of a pair. Prints a line when the taps are there; ends when its standard input does.
# A line N there: from now on one in N of the TCP frames from far end to far end is lost, none when N is 0. The far end,
# which is a host's, is the second of a pair. No segment is lost twice.
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
my $one_in = 0;
my $due = 0;         # to be lost: with the next frame that may be
my %hosts;           # addresses seen at far ends
my %lost;            # segments, by addresses, ports and sequence number
my @under_way;    # [when it arrives, tap, frame]; the delay is the same for all, so in order

sub is_lost {
    my ($frame) = @_;
    return 0 unless unpack('n', substr($frame, 12, 2)) == 0x0800 && ord(substr($frame, 23, 1)) == 6;
    my ($source, $target) = (substr($frame, 26, 4), substr($frame, 30, 4));
    $hosts{$source} = 1;
    return 0 unless $one_in && $hosts{$target};
    $due++ if rand() < 1 / $one_in;
    my $segment = $source . $target . substr($frame, 14 + 4 * (ord(substr($frame, 14, 1)) & 15), 8);
    return 0 if !$due || $lost{$segment}++;
    $due--;
    return 1;
}

$| = 1;
print "ready\n";

while (1) {
    my $wanted = '';
    vec($wanted, fileno($_), 1) = 1 for @taps, \*STDIN;
    my $wait = @under_way ? $under_way[0][0] - time : undef;
    $wait = 0 if defined $wait && $wait < 0;
    # A tap without carrier, or on its way into a namespace, reads as an error: not a frame, and not the end.
    my $ready = select(my $readable = $wanted, undef, undef, $wait);
    if ($ready > 0 && vec($readable, fileno(STDIN), 1)) {
        exit 0 unless sysread(STDIN, my $line, 100);
        $one_in = (split ' ', $line)[-1];
    }
    for my $at (0 .. $#taps) {
        while (sysread($taps[$at], my $frame, 65536)) {
            next if $at % 2 && is_lost($frame);
            push @under_way, [time + $ms / 1000, $taps[$at ^ 1], $frame];
        }
    }
    while (@under_way && $under_way[0][0] <= time) {
        my (undef, $tap, $frame) = @{ shift @under_way };
        syswrite($tap, $frame);
    }
}
