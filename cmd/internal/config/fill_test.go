package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

type filled struct {
	Index   bool     `option:"txindex"`
	Masked  bool     `option:"blocksxor"`
	NoDNS   bool     `option:"!dns"`
	NoSeed  bool     `option:"!dnsseed"`
	Cache   int64    `option:"dbcache"`
	Level   int      `option:"checklevel"`
	Height  int32    `option:"stopatheight"`
	Assumed string   `option:"assumevalid"`
	Files   []string `option:"loadblock"`
	Nodes   []string `option:"addnode"`
	Other   string
}

func TestFillSetsWhatIsGivenAndLeavesTheRest(t *testing.T) {
	s := loaded(t, "-txindex", "-noblocksxor", "-dns=0", "-dbcache=70", "-checklevel=2", "-assumevalid=00", "-loadblock=a", "-loadblock=b")
	got := filled{Masked: true, Height: 7, Cache: 450, Nodes: []string{"n"}, Other: "o"}
	s.Fill(&got)
	require.Equal(t, filled{
		Index: true, NoDNS: true, Cache: 70, Level: 2, Height: 7, Assumed: "00",
		Files: []string{"a", "b"}, Nodes: []string{"n"}, Other: "o",
	}, got)
}

func TestFillRefusesTagsThatNothingCanFill(t *testing.T) {
	s := loaded(t, "-txindex")
	require.PanicsWithValue(t, `config: there is no option "txindx"`, func() {
		s.Fill(&struct {
			Index bool `option:"txindx"`
		}{})
	})
	require.PanicsWithValue(t, `config: option "txindex" cannot fill a float64`, func() {
		s.Fill(&struct {
			Index float64 `option:"txindex"`
		}{})
	})
}

func loaded(t *testing.T, args ...string) *config.Settings {
	t.Helper()
	s, _, err := load(t, "", args...)
	require.NoError(t, err)
	return s
}
