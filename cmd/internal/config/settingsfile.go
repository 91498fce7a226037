package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

const (
	// settingsName is the settings file, unless -settings names another.
	settingsName = "settings.json"
	// maxSettings bounds it.
	maxSettings = 1 << 20
)

// SettingsNote is the key of the text that tells people to leave the file alone.
const SettingsNote = "_warning_"

// ReadSettings reads a file of settings that change at run time, an object of JSON. One
// that is missing is empty. The error is in Bitcoin Core's words.
func ReadSettings(path string) (map[string]json.RawMessage, error) {
	settings := map[string]json.RawMessage{}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return settings, nil
	}
	if err == nil && info.Size() > maxSettings {
		return nil, fmt.Errorf("%s has %d bytes", path, info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w. Please check permissions", err)
	}
	if !json.Valid(raw) {
		return nil, Complain("Settings file %s does not contain valid JSON. This may be caused by a crash, power loss, full disk, or storage error, "+
			"and can be fixed by removing the file, which will reset settings to default values.", path)
	}
	if raw = bytes.TrimSpace(raw); raw[0] != '{' {
		return nil, Complain("Found non-object value %s in settings file %s", raw, path)
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	_, _ = in.Token() // the brace
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // so it is: the object is valid
		if _, twice := settings[key]; twice {
			return nil, Complain("Found duplicate key %s in settings file %s", key, path)
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, err
		}
		settings[key] = value
	}
	return settings, nil
}

// readSettingsFile reads the file that counts after the command line. What it says of
// wallets is for who loads them.
func (s *Settings) readSettingsFile(path string) error {
	if path == "" {
		return nil
	}
	settings, err := ReadSettings(path)
	if err != nil {
		return Complain("Settings file could not be read: %v", err)
	}
	delete(settings, SettingsNote)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		s.Notes = append(s.Notes, fmt.Sprintf("Setting file arg: %s = %s", name, s.shown(name, compacted(settings[name]))))
		k, known := s.resolveKey(name)
		if !known || k.section != "" {
			s.Warnings = append(s.Warnings, "Ignoring unknown rw_settings value "+name)
			continue
		}
		if k.name == "wallet" {
			continue
		}
		s.changed[k.name] = append(s.changed[k.name], s.fromJSON(k, settings[name])...)
	}
	return nil
}

func compacted(raw json.RawMessage) string {
	var out bytes.Buffer
	_ = json.Compact(&out, raw) // it is valid
	return out.String()
}

// shown hides secrets.
func (s *Settings) shown(name, text string) string {
	if s.options[name].Secret {
		return "****"
	}
	return text
}

// fromJSON returns the assignments that a value stands for: one, or those of a list. A
// null stands for none.
func (s *Settings) fromJSON(k key, raw json.RawMessage) (list []value) {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	var whole any
	_ = in.Decode(&whole) // it is valid
	parts, several := whole.([]any)
	if !several {
		parts = []any{whole}
	}
	for _, one := range parts {
		list = append(list, s.single(k, one)...)
	}
	return list
}

func (s *Settings) single(k key, one any) []value {
	switch one := one.(type) {
	case bool:
		return []value{{boolean: true, isTrue: one != k.negated}}
	case string:
		return []value{s.interpret(k, one, true)}
	case json.Number:
		return []value{s.interpret(k, one.String(), true)}
	}
	return nil
}

// misplaced refuses settings that count for one chain only and stand at the top of the
// file, where they would be ignored on a test chain.
func (s *Settings) misplaced() error {
	if s.chain == chains.Main {
		return nil
	}
	var texts []string
	for name, option := range s.options {
		if option.PerChain && len(s.file[""][name]) > 0 && !s.Has(name) {
			texts = append(texts, fmt.Sprintf("Config setting for -%s only applied on %s network when in [%s] section.", name, s.chain, s.chain))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	slices.Sort(texts)
	return Complain("%s", strings.Join(texts, "\n"))
}
