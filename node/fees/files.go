package fees

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/wording"
	"github.com/bulkheadnode/bulkhead/node/feerate"
)

// Names in the chain's folder, which are Bitcoin Core's.
const (
	folder     = "fees"
	policyName = "block_policy_estimates.dat"
	windowName = "mempool_policy_estimator.dat"
	legacyName = "fee_estimates.dat" // of earlier releases
)

// PolicyPath and WindowPath are the paths of the files in a chain's folder.
func PolicyPath(dir string) string { return filepath.Join(dir, folder, policyName) }

// WindowPath is the other one.
func WindowPath(dir string) string { return filepath.Join(dir, folder, windowName) }

// maxAge is how old estimates may be, in hours.
const maxAge = 60

// Migrate gives estimates of an earlier release their new name, unless there are some.
func Migrate(dir string, log *slog.Logger) {
	legacy, path := filepath.Join(dir, legacyName), PolicyPath(dir)
	if _, err := os.Stat(legacy); err != nil {
		return
	}
	if _, err := os.Stat(path); err == nil {
		if err := os.Remove(legacy); err != nil {
			log.Warn(fmt.Sprintf("Failed to remove legacy fee estimates file %s: %v. Continuing anyway.", legacy, err))
			return
		}
		log.Info(fmt.Sprintf("Removed legacy fee estimates file %s.", legacy))
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		log.Warn(fmt.Sprintf("Failed to create block policy fee estimates directory %s: %v. Continuing without migration.", filepath.Dir(path), err))
		return
	}
	if err := os.Rename(legacy, path); err != nil {
		log.Warn(fmt.Sprintf("Failed to migrate fee estimates from %s to %s: %v. Continuing with fresh estimates.", legacy, path, err))
		return
	}
	log.Info(fmt.Sprintf("Migrated fee estimates from %s to %s.", legacy, path))
}

// read returns a file's first bytes, as many as one that is right may have, and its age.
func read(path string) (raw []byte, age time.Duration, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() { // it might never end
		return nil, 0, wording.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	raw, err = io.ReadAll(io.LimitReader(f, feerate.MaxFile))
	return raw, time.Since(info.ModTime()), err
}

// readPolicy returns what the file holds, or else nothing.
func (cfg *Config) readPolicy() *feerate.Estimator {
	path := PolicyPath(cfg.Dir)
	raw, age, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		cfg.Log.Info(fmt.Sprintf("%s is not found. Continue anyway.", path))
		return feerate.New()
	}
	if hours := int(age.Hours()); err == nil && hours > maxAge && !cfg.Stale {
		cfg.Log.Warn(fmt.Sprintf("Fee estimation file %s too old (age=%d > %d hours) and will not be used to avoid serving stale estimates.", path, hours, maxAge))
		return feerate.New()
	}
	var policy *feerate.Estimator
	if err == nil {
		policy, err = feerate.Read(raw)
	}
	if err != nil {
		cfg.Log.Warn(fmt.Sprintf("Unable to read policy estimator data (non-fatal): %v", err))
		cfg.Log.Warn(fmt.Sprintf("Failed to read fee estimates from %s. Continue anyway.", path))
		return feerate.New()
	}
	return policy
}

// readWindow is the same for the other file, which has to be about the chain as it is.
func (cfg *Config) readWindow() *feerate.Window {
	path, log := WindowPath(cfg.Dir), cfg.Log.With("cat", "estimatefee")
	raw, _, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		log.Debug(fmt.Sprintf("%s: %s does not exist. Continuing anyway", Mempool, path))
		return &feerate.Window{}
	}
	var window *feerate.Window
	if err == nil {
		tip := cfg.Chain.View().Tip()
		window, err = feerate.ReadWindow(raw, tip.Height, tip.Hash)
	}
	if err != nil {
		cfg.Log.Warn(fmt.Sprintf("%s: %v", Mempool, err))
		return &feerate.Window{}
	}
	log.Debug(fmt.Sprintf("%s: mined-block stats successfully read from %s.", Mempool, path))
	return window
}

// Contents returns what the files are to hold. At the last one what is in the mempool
// counts as not in a block: its fate will not be seen.
func (f *Fees) Contents(last bool) (policy, window []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last {
		n := f.policy.GiveUp()
		f.cfg.Log.With("cat", "estimatefee").Debug(fmt.Sprintf("Recorded %d unconfirmed txs from mempool", n))
	}
	return f.policy.Append(nil), f.window.Append(nil)
}
