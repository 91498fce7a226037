package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
	"github.com/bulkheadnode/bulkhead/bench/internal/machine"

	// The test runs these as a process; the imports tell the go command that
	// its result depends on them.
	_ "github.com/bulkheadnode/bulkhead/node"
)

// TestMain lets the program start itself again: the serving process is a copy
// of the test.
func TestMain(m *testing.M) {
	if child.Is(os.Args[1:]) {
		if err := start(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tiny is a run over a chain of a few hundred payments.
func tiny(t *testing.T, run string) config {
	t.Helper()
	return config{
		chains: []chain{shape{Seed: 1, Funding: 450, Payments: 60, PerBlock: 5, Burying: 20}},
		rounds: 1, run: regexp.MustCompile(run), cache: t.TempDir(),
	}
}

func TestBulkheadSyncsTheChainToItsTip(t *testing.T) {
	c := tiny(t, `^bulkhead \(pure Go\)( -multiprocess=0)?$`)
	all, err := measureAll(t.Context(), c, io.Discard)
	require.NoError(t, err)
	require.Len(t, all, 1)
	r := all[0]
	require.Equal(t, 530, r.census.blocks)
	require.Equal(t, 530+60*5, r.census.transactions)
	require.Greater(t, r.census.inputs, 60*5)
	require.Len(t, r.shown, 2)
	coins := map[string]bool{}
	for _, s := range r.shown {
		require.Len(t, r.rounds[s], 1)
		m := r.rounds[s][0]
		require.Positive(t, m.took)
		require.Positive(t, m.use.cpu)
		require.NotEmpty(t, m.latencies)
		require.Len(t, m.coins, 64)
		require.Greater(t, m.use.nodePeak, uint64(10<<20))
		coins[m.coins] = true
		if s.single {
			require.Equal(t, m.use.nodePeak, m.use.allPeak)
		} else {
			require.Greater(t, m.use.allPeak, m.use.nodePeak, "the others' memory")
		}
	}
	require.Len(t, coins, 1)
}

func TestBulkheadSyncsTheMixAndKinds(t *testing.T) {
	c := tiny(t, `^bulkhead \(pure Go\) -multiprocess=0`)
	c.kinds = true
	alone := tinyKind(htlc)
	alone.Funding = leastFunding
	c.chains = []chain{alone, tinyMix()}
	all, err := measureAll(t.Context(), c, io.Discard)
	require.NoError(t, err)
	require.Len(t, all, 2)
	for i, r := range all {
		require.Equal(t, c.chains[i].blocks(), r.census.blocks)
		require.Equal(t, []system{{build: pureGo, single: true}}, r.shown)
		require.Len(t, r.rounds[r.shown[0]][0].coins, 64)
	}
	require.Equal(t, 40+2, all[0].census.inputs, "and those that split rewards")
}

func TestLayouts(t *testing.T) {
	c := tiny(t, `^bulkhead \(pure Go\)( -p2pworkers=4)?$`)
	c.idle = 300 * time.Millisecond
	list, chain, err := measureLayouts(t.Context(), c, io.Discard)
	require.NoError(t, err)
	require.Equal(t, 530, chain.blocks)
	require.Len(t, list, 2)
	var out strings.Builder
	require.NoError(t, writeLayouts(&out, machine.Machine{Date: "a day"}, chain, list))
	for i, peers := range []int{1, 3} {
		f := list[i]
		require.Equal(t, layout{system{build: pureGo}, "4", peers}, f.layout)
		require.Positive(t, f.took)
		require.NotEmpty(t, f.busy)
		require.NotEmpty(t, f.idle)
		sum := int64(0)
		for _, n := range f.received {
			sum += n
		}
		require.Greater(t, sum, chain.bytes*99/100)
		require.Contains(t, out.String(), fmt.Sprintf("| bulkhead (pure Go) -p2pworkers=4 | %d |", peers))
	}
}

func TestTheLowestSecondIsThatOfAnySpan(t *testing.T) {
	const mb = 1 << 20
	f := flow{received: []int64{0, 5}}
	require.Empty(t, f.seconds())
	for range 10 {
		f.received = append(f.received, 2*mb)
	}
	for range 5 {
		f.received = append(f.received, 0)
	}
	sums := f.seconds()
	require.Len(t, sums, 6)
	require.EqualValues(t, 10*mb, sums[0])
	require.EqualValues(t, 20*mb, sums[5])
}

func TestTheReportOfKinds(t *testing.T) {
	took := func(wall, cpu time.Duration) []measurement {
		return []measurement{{took: wall * time.Second, use: footprint{cpu: cpu * time.Second}}}
	}
	shown := []system{{build: pureGo}, {build: btcd}}
	none := results{chain: tinyKind(nil), shown: shown, rounds: map[system][]measurement{shown[0]: took(1, 1), shown[1]: took(1, 1)}}
	r := results{
		chain: tinyKind(p2pkh), shown: shown, rounds: map[system][]measurement{shown[0]: took(1, 2), shown[1]: took(2, 8)},
		census: census{inputs: 1000, bytes: 3_000_000},
	}
	var out strings.Builder
	require.NoError(t, writeReport(&out, config{rounds: 1, kinds: true}, machine.Machine{Date: "a day"}, []results{none, r}))
	require.Contains(t, out.String(), "| P2PKH | 1000 | 3.0 | bulkhead (pure Go) | 1.00 | - | 0.50x | 2.00 | - | 0.25x | 1000 | 0.0 |")
	require.Contains(t, out.String(), "| no inputs | 0 | 0.0 | btcd | 1.00 | - | - | 1.00 | - | - | - | 0.0 |")
}

func TestAChainIsMadeOnceAndTheSameFromItsSeed(t *testing.T) {
	c := tiny(t, "")
	payments := shape{Seed: 1, Funding: 120, Payments: 2, PerBlock: 5, Burying: 20}
	path, err := chainFile(c.cache, payments, io.Discard)
	require.NoError(t, err)
	made, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, made[:len(made)-1], 0o600))
	_, err = chainFile(c.cache, payments, io.Discard)
	require.NoError(t, err)
	_, err = takeCensus(path, payments)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a file that is there is taken as it is, and a torn one found out")
	require.NoError(t, os.Remove(path))
	_, err = chainFile(c.cache, payments, io.Discard)
	require.NoError(t, err)
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, made, again)
}

func TestOtherCoinsAreRefused(t *testing.T) {
	r := results{rounds: map[system][]measurement{}}
	require.NoError(t, r.add(system{build: btcd}, measurement{}))
	require.NoError(t, r.add(system{build: pureGo}, measurement{coins: "a"}))
	require.Error(t, r.add(system{build: withLibrary}, measurement{coins: "b"}))
	require.NoError(t, r.add(system{build: withLibrary}, measurement{coins: "a"}))
}

func TestTheReport(t *testing.T) {
	r := results{chain: shapeOf(1), rounds: map[system][]measurement{}}
	for _, seconds := range []int{3, 1, 2} {
		for _, s := range []system{{build: pureGo}, {build: btcd}} {
			factor := time.Duration(1)
			if s.build == btcd {
				factor = 3
			}
			r.rounds[s] = append(r.rounds[s], measurement{
				took:      time.Duration(seconds) * time.Second * factor,
				latencies: []time.Duration{time.Millisecond, 60 * time.Millisecond},
			})
		}
	}
	r.shown = []system{{build: pureGo}, {build: btcd}}
	r.rounds[system{build: pureGo}][1].latencies[1] = 70 * time.Millisecond
	var out strings.Builder
	require.NoError(t, writeReport(&out, config{rounds: 3}, machine.Machine{Date: "a day"}, []results{r}))
	require.Contains(t, out.String(), "| bulkhead (pure Go) | 2.00 (1.00-3.00) | - | 0.33x | - |")
	require.Contains(t, out.String(), "| all scripts, pure Go, to btcd: at most 0.5x | 0.33x | yes |")
	require.Contains(t, out.String(), "| bulkhead (pure Go), getblockchaininfo max: at most 50 ms | 70.00 ms | **no** |")
	require.NotContains(t, out.String(), "libsecp256k1", "what was not measured has no bar")
}

func TestTheCommandLine(t *testing.T) {
	c, err := parseConfig([]string{"-scale=0.1", "-rounds=3", "-run=btcd", "-cache=there"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []chain{
		shape{Seed: 1, Funding: 450, Payments: 240, PerBlock: 500, Burying: 2100},
		mixShape{stages{Seed: 1, Funding: 450, Fanout: 10, PerBlock: 600, Spending: 300, Burying: 2100}, 399_200},
	}, c.chains)
	require.Equal(t, 3, c.rounds)
	require.Equal(t, "there", c.cache)
	c, err = parseConfig([]string{"-chain=mainnet"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []chain{mixShapeOf(1)}, c.chains)
	c, err = parseConfig([]string{"-kinds"}, io.Discard)
	require.NoError(t, err)
	require.Len(t, c.chains, len(kinds)+1)
	for _, args := range [][]string{
		{"-scale=0"}, {"-scale=2"}, {"-rounds=0"}, {"-run=("}, {"-nonsense"}, {"more"}, {"-chain=other"}, {"-kinds", "-chain=mainnet"},
	} {
		_, err := parseConfig(args, io.Discard)
		require.Error(t, err, args)
	}
}
