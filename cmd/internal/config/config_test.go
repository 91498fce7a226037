package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// load writes conf as bitcoin.conf of a new data directory and reads it with
// the arguments.
func load(t *testing.T, conf string, args ...string) (*config.Settings, *config.Layout, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bitcoin.conf"), []byte(conf), 0o600))
	s, err := config.Parse(append([]string{"-datadir=" + dir}, args...))
	require.NoError(t, err)
	layout, err := s.Load(dir)
	return s, layout, err
}

func TestCommandLineFaults(t *testing.T) {
	for arg, text := range map[string]string{
		"-nonexistentarg":     "Error parsing command line arguments: Invalid parameter -nonexistentarg",
		"-regtest.port=1":     "Error parsing command line arguments: Invalid parameter -regtest.port=1",
		"-includeconf=x.conf": `Error parsing command line arguments: -includeconf cannot be used from commandline; -includeconf="x.conf"`,
		"start":               "Error parsing command line arguments: Command line contains unexpected token 'start', see bulkhead -h for a list of options.",
	} {
		_, err := config.Parse([]string{arg})
		require.EqualError(t, err, text)
	}
}

func TestPrecedence(t *testing.T) {
	s, layout, err := load(t, "regtest=1\nport=1\nuacomment=top\n[regtest]\nport=2\nport=3\nuacomment=section\n",
		"-uacomment=a", "--uacomment=b", "-rpcport=5", "-rpcport=6")
	require.NoError(t, err)
	require.Equal(t, "regtest", layout.Chain.Name)
	require.EqualValues(t, 2, s.Int("port", 0), "the section's first counts, the top's not at all")
	require.EqualValues(t, 6, s.Int("rpcport", 0), "the command line's last counts")
	require.Equal(t, []string{"a", "b", "section", "top"}, s.List("uacomment"))
	require.EqualValues(t, 450, s.Int("dbcache", 450))
}

func TestPerChainSettingsOnMainComeFromTheTop(t *testing.T) {
	s, layout, err := load(t, "port=7\n")
	require.NoError(t, err)
	require.Equal(t, layout.Base, layout.Net)
	require.EqualValues(t, 7, s.Int("port", 0))
}

func TestNegation(t *testing.T) {
	s, _, err := load(t, "connect=a\n", "-nolisten", "-connect=b", "-noconnect", "-noserver=0", "-printtoconsole=0", "-discover")
	require.NoError(t, err)
	require.False(t, s.Bool("listen", true))
	require.True(t, s.Negated("connect"))
	require.Empty(t, s.List("connect"))
	require.True(t, s.Bool("server", false))
	require.Equal(t, []string{"Parsed potentially confusing double-negative -server=0"}, s.Warnings)
	require.False(t, s.Bool("printtoconsole", true))
	require.True(t, s.Bool("discover", false))
}

func TestFileFaults(t *testing.T) {
	for conf, text := range map[string]string{
		"-dash=1\n":          "Error reading configuration file: parse error on line 1: -dash=1, options in configuration file must be specified without leading -",
		"nolisten\n":         "Error reading configuration file: parse error on line 1: nolisten, if you intended to specify a negated option, use nolisten=1 instead",
		"\nserver\n":         "Error reading configuration file: parse error on line 2: server",
		"conf=x\n":           "Error reading configuration file: conf cannot be set in the configuration file; use includeconf= if you want to include additional config files",
		"rpcpassword=a#b\n":  "Error reading configuration file: parse error on line 1, using # in rpcpassword can be ambiguous and should be avoided",
		"includeconf=gone\n": "Error reading configuration file: Failed to include configuration file gone",
		"regtest=1\nchain=main\n": "Invalid combination of -regtest, -signet, -testnet, -testnet4 and -chain. " +
			"Can use at most one.",
		"chain=moon\n": "Unknown chain moon.",
	} {
		_, _, err := load(t, conf)
		require.EqualError(t, err, text, conf)
	}
	s, _, err := load(t, "regtest=1\nwat=1\n")
	require.NoError(t, err)
	require.Equal(t, []string{"Ignoring unknown configuration value wat"}, s.Warnings)
}

func TestIncludedFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("bitcoin.conf", "regtest=1\nincludeconf=one.conf\n[regtest]\nincludeconf=two.conf\nuacomment=main\n")
	write("one.conf", "uacomment=one\nincludeconf=three.conf\n")
	write("two.conf", "[regtest]\nuacomment=two\n")
	s, err := config.Parse([]string{"-datadir=" + dir})
	require.NoError(t, err)
	_, err = s.Load(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"main", "two", "one"}, s.List("uacomment"))
	require.Equal(t, []string{"warning: -includeconf cannot be used from included files; ignoring -includeconf=three.conf"}, s.Stderr)
}

func TestUnservedSettingsAreRefused(t *testing.T) {
	s, _, err := load(t, "txindex=0\n", "-natpmp", "-noproxy")
	require.NoError(t, err)
	require.EqualError(t, s.CheckUnserved(), "This version of Bulkhead does not support -natpmp.")
	// Who asks for privacy or silence must not get the opposite.
	s, _, err = load(t, "signer=x\npersistmempool=0\n", "-walletbroadcast=0", "-v2transport=0", "-walletrbf=1", "-nolistenonion")
	require.NoError(t, err)
	require.EqualError(t, s.CheckUnserved(), "This version of Bulkhead does not support -signer, -walletbroadcast=0.")
	s, _, err = load(t, "signer=x\n", "-walletbroadcast=0", "-addresstype=legacy", "-disablewallet")
	require.NoError(t, err)
	require.NoError(t, s.CheckUnserved(), "without wallets it asks for nothing")
}

func TestSecretsAreMasked(t *testing.T) {
	s, _, err := load(t, "rpcpassword=hunter2\n", "-rpcauth=joe:salt$hash", "-regtest")
	require.NoError(t, err)
	require.Equal(t, []string{
		"Config file arg: rpcpassword=****",
		`Command-line arg: datadir="` + filepath.Dir(s.ConfigFile()) + `"`,
		`Command-line arg: regtest=""`,
		"Command-line arg: rpcauth=****",
	}[0:1], s.Describe()[0:1])
	for _, line := range s.Describe() {
		require.NotContains(t, line, "hunter2")
		require.NotContains(t, line, "salt")
	}
}

func TestHelpNamesEveryShownOption(t *testing.T) {
	help := config.Help()
	for name, option := range config.Options() {
		if option.Category != "" {
			require.Contains(t, help, "  -"+name+option.Param+"\n")
		}
	}
}

// inDir loads a configuration and a settings file.
func inDir(t *testing.T, conf, settings string, args ...string) (*config.Settings, *config.Layout, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "regtest"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bitcoin.conf"), []byte(conf), 0o600))
	if settings != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "regtest", "settings.json"), []byte(settings), 0o600))
	}
	s, err := config.Parse(append(args, "-datadir="+dir))
	require.NoError(t, err)
	l, err := s.Load(dir)
	return s, l, err
}

// What the settings file says counts after the command line and before bitcoin.conf.
func TestTheSettingsFileCounts(t *testing.T) {
	s, l, err := inDir(t, "regtest=1\nproxy=1.1.1.1:1\nuacomment=conf\nblocksonly=1\nrpcthreads=3\n[regtest]\nonlynet=ipv4\n",
		`{"_warning_": "x", "proxy": "2.2.2.2:2", "uacomment": ["a", "b"], "txindex": true, "blocksonly": false, "rpcthreads": 7, "onlynet": null, "wallet": ["w"], "nolisten": true, "odd": 1, "rpcpassword": "geheim"}`,
		"-txindex=0")
	require.NoError(t, err)
	require.Equal(t, "2.2.2.2:2", s.Text("proxy", ""))
	require.Equal(t, []string{"a", "b", "conf"}, s.List("uacomment"))
	require.False(t, s.Bool("txindex", true))
	require.False(t, s.Bool("blocksonly", true))
	require.Equal(t, int64(7), s.Int("rpcthreads", 0))
	require.Equal(t, []string{"ipv4"}, s.List("onlynet"))
	require.Empty(t, s.List("wallet"), "who loads wallets reads them")
	require.False(t, s.Bool("listen", true))
	require.Equal(t, []string{"Ignoring unknown rw_settings value odd"}, s.Warnings)
	require.Contains(t, s.Notes, `Setting file arg: uacomment = ["a","b"]`)
	require.Contains(t, s.Notes, "Setting file arg: rpcpassword = ****")
	require.NotContains(t, strings.Join(s.Notes, ""), "_warning_")
	require.Equal(t, "settings.json", filepath.Base(l.Settings))

	_, _, err = inDir(t, "regtest=1\n", `{"pid": "elsewhere.pid", "walletdir": "none"}`)
	require.ErrorContains(t, err, `Specified -walletdir`, "it counts for where things are")
	_, l, err = inDir(t, "regtest=1\nrpcport=1\n", `{"pid": "elsewhere.pid", "rpcport": 2}`)
	require.NoError(t, err, "the port is set in a place of its chain")
	require.Equal(t, "elsewhere.pid", filepath.Base(l.PIDFile))

	s, l, err = inDir(t, "regtest=1\nnosettings=1\n", `{"txindex": tru`)
	require.NoError(t, err)
	require.Empty(t, l.Settings)
	require.False(t, s.Bool("txindex", false))
	for text, complaint := range map[string]string{
		`{"txindex": tru`: "does not contain valid JSON", `null`: "Found non-object value null in settings file",
		`{"a": 1, "a": 2}`: "Found duplicate key a in settings file",
	} {
		_, _, err = inDir(t, "regtest=1\n", text)
		require.ErrorContains(t, err, "Settings file could not be read: ")
		require.ErrorContains(t, err, complaint)
	}
}

// A setting of one chain at the top of the file would be ignored on a test chain, and
// one in a section of no chain everywhere.
func TestSettingsInTheWrongPlaceAreTold(t *testing.T) {
	_, _, err := inDir(t, "regtest=1\nwallet=w\nrpcport=1\n", "")
	require.EqualError(t, err, "Config setting for -rpcport only applied on regtest network when in [regtest] section.\n"+
		"Config setting for -wallet only applied on regtest network when in [regtest] section.")
	for _, right := range [][]string{{"regtest=1\nwallet=w\n[regtest]\nwallet=v\n"}, {"regtest=1\nwallet=w\n", "-wallet=v"}, {"wallet=w\n"}} {
		_, _, err = inDir(t, right[0], "", right[1:]...)
		require.NoError(t, err, right)
	}
	s, _, err := inDir(t, "regtest=1\n[nowhere]\nwallet=w\n[regtest]\n[test]\n", "")
	require.NoError(t, err)
	require.Len(t, s.Stderr, 1)
	require.Regexp(t, `^Warning: .*bitcoin\.conf:2 Section \[nowhere\] is not recognized\.$`, s.Stderr[0])
}

// Templates leave values empty: they ask for nothing.
func TestEmptyValuesAskForNothing(t *testing.T) {
	s, _, err := inDir(t, "regtest=1\nblocknotify=\nsigner=\n", "", "-walletnotify=", "-alertnotify=")
	require.NoError(t, err)
	require.NoError(t, s.CheckUnserved())
	s, _, err = inDir(t, "regtest=1\n", "", "-natpmp=")
	require.NoError(t, err)
	require.Error(t, s.CheckUnserved(), "an empty switch is on")
}

func TestSettingsWithoutEffectAreNamed(t *testing.T) {
	s, _, err := load(t, "keypool=1\n", "-dbbatchsize=1", "-logips")
	require.NoError(t, err)
	require.Equal(t, []string{"-dbbatchsize", "-keypool"}, s.Idle())
}
