import java.io.File;
import java.util.logging.LogManager;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Arguments: files. Prints a line `file TAB checks made TAB what breaks PDF/A-3b` for each. */
public class Validate {
  public static void main(String[] files) throws Exception {
    LogManager.getLogManager().reset();
    VeraGreenfieldFoundryProvider.initialise();
    var foundry = Foundries.defaultInstance();
    for (var file : files) {
      try (var parser = foundry.createParser(new File(file), PDFAFlavour.PDFA_3_B);
          var validator = foundry.createValidator(PDFAFlavour.PDFA_3_B, false)) {
        var result = validator.validate(parser);
        var line = new StringBuilder(file + "\t" + result.getTotalAssertions());
        for (var assertion : result.getTestAssertions()) {
          if (assertion.getStatus() == TestAssertion.Status.FAILED) {
            var found = assertion.getRuleId().getClause() + " " + assertion.getMessage();
            line.append("\t").append(found.replaceAll("\\s+", " "));
          }
        }
        System.out.println(line);
      }
    }
  }
}
