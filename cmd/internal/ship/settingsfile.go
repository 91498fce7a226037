package ship

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/durable"
)

// settingsFile is where settings that change at run time are kept.
func settingsFile(l *config.Layout) string { return filepath.Join(l.Net, "settings.json") }

// checkSettingsFile refuses to start over a damaged file: what it said, such
// as which wallets to load, would be ignored.
func checkSettingsFile(path string) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return config.Complain("Settings file could not be read: %v", err)
	}
	var settings map[string]json.RawMessage
	err = json.Unmarshal(raw, &settings)
	if err == nil && settings == nil {
		err = errNull
	}
	if err != nil {
		return config.Complain("Settings file could not be read: %s is not a JSON object (%v). Without the file the node starts with its default settings.", path, err)
	}
	return nil
}

// errNull is JSON that is no object, though it can be taken for one.
var errNull = errors.New("it says null")

// maxSettings bounds the settings file.
const maxSettings = 1 << 20

// readSettings reads settings.json, Bitcoin Core's file of settings that
// change at run time. A missing file is empty.
func readSettings(path string) (map[string]json.RawMessage, error) {
	settings := map[string]json.RawMessage{}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return settings, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSettings {
		return nil, fmt.Errorf("%s has %d bytes", path, info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &settings); err != nil {
		return nil, err
	}
	if settings == nil {
		return nil, fmt.Errorf("%s: %w", path, errNull)
	}
	return settings, nil
}

// readLoadList returns the names under "wallet".
func readLoadList(path string) ([]string, error) {
	settings, err := readSettings(path)
	if err != nil || settings["wallet"] == nil {
		return nil, err
	}
	var names []string
	err = json.Unmarshal(settings["wallet"], &names)
	return names, err
}

// writeLoadList adds a name or takes it out. When it returns, the file is on
// disk; a loss of power leaves the old one or the new one.
func writeLoadList(path, name string, wanted bool) error {
	settings, err := readSettings(path)
	if err != nil {
		return err
	}
	var names []string
	if settings["wallet"] != nil {
		if err := json.Unmarshal(settings["wallet"], &names); err != nil {
			return err
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	if wanted {
		names = append(names, name)
	}
	if settings["wallet"], err = json.Marshal(names); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(settings, "", "    ")
	if err != nil {
		return err
	}
	return durable.Replace(path, append(raw, '\n'), 0o600)
}
