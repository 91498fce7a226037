package config

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

const fileName = "bitcoin.conf"

// DefaultDataDir is where data lives unless -datadir says otherwise.
func DefaultDataDir(home string) string { return filepath.Join(home, ".bulkhead") }

// Load reads the configuration files, chooses the chain and returns where
// things are. home is the user's home directory.
func (s *Settings) Load(home string) (*Layout, error) {
	base, err := s.dataDir(home)
	if err != nil {
		return nil, Complain("Specified data directory \"%s\" does not exist.", s.Text("datadir", ""))
	}
	if err := s.readFiles(base); err != nil {
		return nil, Complain("Error reading configuration file: %v", err)
	}
	original := base
	if base, err = s.dataDir(home); err != nil {
		return nil, Complain("Error reading configuration file: specified data directory \"%s\" does not exist.", s.Text("datadir", ""))
	}
	chain, err := s.chainName()
	if err != nil {
		return nil, err
	}
	s.chain = chain.Name
	if err := s.checkIgnoredFile(original, base); err != nil {
		return nil, err
	}
	s.warnOfHeaders()
	path := s.settingsPath(filepath.Join(base, chain.Folder))
	if err := s.readSettingsFile(path); err != nil {
		return nil, err
	}
	if err := s.misplaced(); err != nil {
		return nil, err
	}
	l, err := s.layout(base, chain)
	if err == nil {
		l.Settings = path
	}
	return l, err
}

// settingsPath is that of the settings file in a chain's folder, "" for none. It cannot
// be set in that file itself.
func (s *Settings) settingsPath(folder string) string {
	if s.Negated("settings") {
		return ""
	}
	path := s.Text("settings", "")
	switch {
	case path == "":
		return filepath.Join(folder, settingsName)
	case filepath.IsAbs(path):
		return path
	}
	return filepath.Join(folder, path)
}

// header is where a section of a file begins, or is named with a setting.
type header struct {
	section, file string
	line          int
}

// warnOfHeaders tells of sections that are of no chain.
func (s *Settings) warnOfHeaders() {
	var texts []string
	for _, h := range s.headers {
		if _, err := chains.Named(h.section); err != nil {
			texts = append(texts, fmt.Sprintf("%s:%d Section [%s] is not recognized.", h.file, h.line, h.section))
		}
	}
	if len(texts) > 0 {
		s.Warnings = append(s.Warnings, texts...)
		s.Stderr = append(s.Stderr, "Warning: "+strings.Join(texts, "\n"))
	}
}

func (s *Settings) dataDir(home string) (string, error) {
	dir := s.Text("datadir", "")
	if dir == "" {
		return DefaultDataDir(home), nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = os.ErrNotExist
	}
	return dir, err
}

func (s *Settings) readFiles(base string) error {
	if s.Negated("conf") {
		return nil
	}
	path := s.Text("conf", fileName)
	if !filepath.IsAbs(path) {
		path = filepath.Join(base, path)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return Complain("Config file \"%s\" is a directory.", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		if s.Has("conf") {
			return Complain("specified config file \"%s\" could not be opened.", path)
		}
		return nil
	}
	s.conf = path
	if err := s.readStream(path, data); err != nil {
		return err
	}
	if s.Negated("includeconf") {
		return nil
	}
	return s.readIncluded(base)
}

// readIncluded reads what includeconf= names, in the chain's section and in
// the top one. Included files cannot include further ones.
func (s *Settings) readIncluded(base string) error {
	section := ""
	if chain, err := s.chainName(); err == nil {
		section = chain.Name
	}
	names := append(s.included(section, 0), s.included("", 0)...)
	seen, seenTop := len(s.included(section, 0)), len(s.included("", 0))
	for _, name := range names {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(base, path)
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return Complain("Included config file \"%s\" is a directory.", path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return Complain("Failed to include configuration file %s", name)
		}
		if err := s.readStream(name, data); err != nil {
			return err
		}
		s.Notes = append(s.Notes, "Included configuration file "+name)
	}
	for _, name := range append(s.included(section, seen), s.included("", seenTop)...) {
		s.Stderr = append(s.Stderr, "warning: -includeconf cannot be used from included files; ignoring -includeconf="+name)
	}
	return nil
}

func (s *Settings) included(section string, skip int) []string {
	list := s.file[section]["includeconf"]
	var names []string
	for _, v := range list[min(max(skip, afterNegation(list)), len(list)):] {
		names = append(names, v.text)
	}
	return names
}

func (s *Settings) readStream(path string, data []byte) error {
	section := ""
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		line, _, comment := strings.Cut(lines.Text(), "#")
		line = strings.Trim(line, " \t\r\n")
		if line == "" {
			continue
		}
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line[1 : len(line)-1]
			s.headers = append(s.headers, header{section, path, number})
			continue
		}
		if err := s.readLine(section, line, number, comment); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (s *Settings) readLine(section, line string, number int, comment bool) error {
	if strings.HasPrefix(line, "-") {
		return fmt.Errorf("parse error on line %d: %s, options in configuration file must be specified without leading -", number, line)
	}
	name, text, found := strings.Cut(line, "=")
	if !found {
		hint := ""
		if strings.HasPrefix(line, "no") {
			hint = fmt.Sprintf(", if you intended to specify a negated option, use %s=1 instead", line)
		}
		return fmt.Errorf("parse error on line %d: %s%s", number, line, hint)
	}
	name, text = strings.Trim(name, " \t\r\n"), strings.Trim(text, " \t\r\n")
	if comment && strings.Contains(name, "rpcpassword") {
		return fmt.Errorf("parse error on line %d, using # in rpcpassword can be ambiguous and should be avoided", number)
	}
	if section != "" {
		name = section + "." + name
	}
	k, known := s.resolveKey(name)
	switch {
	case k.name == "conf":
		return fmt.Errorf("conf cannot be set in the configuration file; use includeconf= if you want to include additional config files")
	case !known:
		s.Warnings = append(s.Warnings, "Ignoring unknown configuration value "+name)
		return nil
	case k.name == "reindex":
		s.Warnings = append(s.Warnings, "reindex=1 is set in the configuration file, which will significantly slow down startup. Consider removing or commenting out this option for better performance, unless there is currently a condition which makes rebuilding the indexes necessary")
	}
	if s.file[k.section] == nil {
		s.file[k.section] = map[string][]value{}
	}
	return s.assign(s.file[k.section], k, text, true)
}

// checkIgnoredFile refuses to run beside a bitcoin.conf in the data directory
// that another one overrides: its owner would think it is in force.
func (s *Settings) checkIgnoredFile(original, base string) error {
	ignored := filepath.Join(base, fileName)
	if _, err := os.Stat(ignored); err != nil {
		return nil
	}
	if s.Negated("conf") {
		s.Notes = append(s.Notes, fmt.Sprintf("Data directory \"%s\" contains a \"%s\" file which is explicitly ignored using -noconf.", base, fileName))
		return nil
	}
	used := s.conf
	if used == "" {
		used = filepath.Join(original, s.Text("conf", fileName))
	}
	if same(used, ignored) {
		return nil
	}
	source := fmt.Sprintf("data directory \"%s\"", original)
	if s.Has("conf") {
		source = fmt.Sprintf("command line argument \"-conf=%s\"", s.Text("conf", ""))
	}
	text := fmt.Sprintf("Data directory \"%[1]s\" contains a \"%[2]s\" file which is ignored, because a different configuration file \"%[3]s\" from %[4]s is being used instead. Possible ways to address this would be to:\n"+
		"- Delete or rename the \"%[2]s\" file in data directory \"%[1]s\".\n"+
		"- Change datadir= or conf= options to specify one configuration file, not two, and use includeconf= to include any other configuration files.",
		base, fileName, used, source)
	if s.Bool("allowignoredconf", false) {
		s.Warnings = append(s.Warnings, text)
		return nil
	}
	return Complain("%s\n- Set allowignoredconf=1 option to treat this condition as a warning, not an error.", text)
}

func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
