package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func build(module string, settings ...debug.BuildSetting) *debug.BuildInfo {
	return &debug.BuildInfo{Main: debug.Module{Version: module}, Settings: settings}
}

func TestBuildInformationIsShownBehindTheNumber(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	clean := debug.BuildSetting{Key: "vcs.modified", Value: "false"}
	changed := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for want, info := range map[string]*debug.BuildInfo{
		Number:                         build("(devel)"),
		Number + "-0123456789ab":       build("v0.0.0-20261128221225-0123456789ab", commit, clean),
		Number + "-0123456789ab-dirty": build("v0.0.0-20261128221225-0123456789ab+dirty", commit, changed),
		Number + "-dirty":              build("v"+Number+"+dirty", commit, changed),
		Number + "-fedcba987654":       build("v0.0.0-20261128221225-fedcba987654"),
	} {
		require.Equal(t, want, describe(info))
	}
	require.Equal(t, Number, describe(build("v"+Number, commit, clean)), "a release is shown as its number")
	require.Equal(t, Number, describe(build("")))
}

// Clients and peers read three numbers.
func TestTheNumberIsThreeNumbers(t *testing.T) {
	require.Regexp(t, `^\d{1,2}\.\d{1,2}\.\d{1,2}$`, Number)
}
